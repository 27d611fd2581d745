import random
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpx.upstream.call import Call
from bpx.upstream.connection import Attempt, Connecting
from bpx.upstream.raw import FAULTS, RawSession, header_pairs, tls_for
from tests.upstream.conftest import RUNTIME, deliver
from tests.upstream.wire_server import Delivered, WireServer, ok

HOSTILE = (
    *["%e5", "%41", "%2f", "%2F", "%7E", "%2e%2e", "%00", "%0d%0a", "%23", "%", "%zz", "%C3%A9"],
    *["[", "]", '"', "{", "}", "|", "^", "`", "\\", "<", ">", "..", "/../", "/./", "//", "~", ":"],
    *["?", "??", "&", "&&", "=", "==", "+", ";", ",", "@", "!", "$", "'", "(", ")", "*"],
    *["symbol=BTCUSDT", "limit=", "a=1&a=2", "%E8%BF%99%E6%98%AF", "\xe9", "\xe8\xbf\x99"],
    *["symbols=[%22BTCUSDT%22,%22ETHUSDT%22]", 'symbols=["BTCUSDT"]', "signature=" + "ab" * 32],
)


def generated(count: int) -> Iterator[Call]:
    """Make calls of random pieces, most of which something on the way would like to rewrite."""
    dice = random.Random(20261122)
    for number in range(count):
        path = "/" + "".join(dice.choices(HOSTILE, k=dice.randrange(4))).replace("?", "")
        query = "".join(dice.choices(HOSTILE, k=dice.choice([0, 1, 3, 10, 300])))
        body = dice.choice(
            [
                b"",
                dice.randbytes(dice.choice([1, 100, 70_000])),
                "".join(dice.choices(HOSTILE, k=20)).encode("utf-8"),
                "symbol=这是测试币456&quantity=1".encode(),
            ]
        )
        method = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"][number % 6]
        yield Call(method, path + dice.choice(["", "?", f"?{query}"]), body=body)


def test_1000_generated_targets_and_bodies_arrive_byte_for_byte(
    server: WireServer, session: RawSession
):
    calls = list(generated(1000))
    for call in calls:
        deliver(session, call)
    assert len(server.delivered) == 1000, "each exactly once"
    for call, delivered in zip(calls, server.delivered, strict=True):
        wanted = (call.method.encode(), call.target.encode("latin-1"), call.body)
        assert (delivered.method, delivered.target, delivered.body) == wanted


@pytest.mark.parametrize("name", ["Accept", "User-Agent", "X-MBX-APIKEY"])
def test_no_value_of_a_header_means_anything_to_us(
    server: WireServer, session: RawSession, name: str
):
    value = "@@@" + "SKIP_HEADER@@@"  # what urllib3 takes for an order of its caller
    deliver(session, Call("GET", "/x", ((name, value),)))
    assert server.delivered[0].headers[name.lower().encode()] == value.encode()


def test_no_header_is_sent_that_is_not_the_clients(server: WireServer, session: RawSession):
    deliver(session, Call("GET", "/x"))
    assert server.delivered[0].headers.keys() == {b"host"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_every_method_arrives_as_it_is(server: WireServer, session: RawSession, method: str):
    server.answer = lambda request: b"HTTP/1.1 204 No Content\r\n\r\n"
    assert deliver(session, Call(method, "/x?a=%41")).status == 204
    assert server.delivered[0].line == f"{method} /x?a=%41 HTTP/1.1".encode()


@pytest.mark.parametrize(
    "target", ["", "x", "http://example.com/", "/a b", "/a\r\nX: 1", "/a\0", "*", "/a HTTP/1.1\n"]
)
def test_a_target_that_is_not_one_word_is_not_sent(
    server: WireServer, session: RawSession, target: str
):
    attempt = Attempt(target)
    with pytest.raises(FAULTS) as caught:
        deliver(session, Call("GET", target), attempt)
    assert not attempt.was_sent
    assert target == "" or target not in str(caught.value)
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_never_followed(
    server: WireServer, session: RawSession, status: int, method: str
):
    with WireServer() as other:
        location = f"Location: {other.url}/stolen\r\n"
        server.answer = lambda request: ok(headers=location, status=f"{status} Go")
        response = deliver(session, Call(method, "/x", (("X-MBX-APIKEY", "k"),)))
        assert response.status == status
        assert other.connections == 0
    assert len(server.delivered) == 1


def test_cookies_of_a_reply_are_not_sent_back(server: WireServer, session: RawSession):
    server.answer = lambda request: ok(headers="Set-Cookie: id=1; Path=/\r\n")
    for _ in range(2):
        deliver(session, Call("GET", "/x"))
    assert b"cookie" not in server.delivered[1].headers


def test_proxies_of_the_environment_are_not_used(
    server: WireServer, session: RawSession, monkeypatch: pytest.MonkeyPatch
):
    with WireServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        deliver(session, Call("GET", "/x"))
        assert proxy.connections == 0
    assert len(server.delivered) == 1


def test_a_429_with_retry_after_is_not_asked_again(server: WireServer, session: RawSession):
    server.answer = lambda request: ok(headers="Retry-After: 0\r\n", status="429 Too Many")
    assert deliver(session, Call("GET", "/x")).status == 429
    assert len(server.delivered) == 1


def test_repeated_headers_of_a_reply_stay_apart(server: WireServer, session: RawSession):
    server.answer = lambda request: ok(headers="Vary: Origin\r\nVary: Accept-Encoding\r\n")
    pairs = header_pairs(deliver(session, Call("GET", "/x")))
    assert [value for name, value in pairs if name == "Vary"] == ["Origin", "Accept-Encoding"]


class TlsServer:
    """Accepts TLS with a certificate for localhost and answers each connection once."""

    def __init__(self, directory: Path) -> None:
        self.read: list[bytes] = []
        self.ca_file = make_certificate(directory)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ca_file, directory / "key.pem")
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._listener = context.wrap_socket(
            listener, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            try:
                connection.do_handshake()
                self.read.append(connection.recv(65536))
                connection.sendall(ok(b'{"tls":1}'))
            except OSError:
                pass

    def close(self) -> None:
        self._thread.join(2)
        self._listener.close()


def make_certificate(directory: Path) -> Path:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return directory / "ca.pem"


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[TlsServer]:
    server = TlsServer(tmp_path)
    yield server
    server.close()


def test_a_target_goes_untouched_through_tls(tls_server: TlsServer):
    connecting = Connecting(RUNTIME.now, RUNTIME.deadline, RUNTIME.has_come)
    origin = f"https://localhost:{tls_server.port}"
    attempt = Attempt("/a/../b?x=%41")
    with RawSession(origin, 1, connecting, tls_for(origin, str(tls_server.ca_file))) as session:
        assert deliver(session, Call("GET", attempt.target), attempt).json() == {"tls": 1}
    assert tls_server.read[0].startswith(b"GET /a/../b?x=%41 HTTP/1.1\r\n")
    assert attempt.was_sent


@pytest.mark.parametrize(("host", "trusts"), [("localhost", False), ("127.0.0.1", True)])
def test_a_certificate_that_is_not_trusted_or_not_the_hosts_gets_no_byte(
    tls_server: TlsServer, host: str, trusts: bool
):
    connecting = Connecting(RUNTIME.now, RUNTIME.deadline, RUNTIME.has_come)
    ca_file = str(tls_server.ca_file) if trusts else None
    attempt = Attempt("/x")
    origin = f"https://{host}:{tls_server.port}"
    session = RawSession(origin, 1, connecting, tls_for(origin, ca_file))
    with session, pytest.raises(FAULTS):
        deliver(session, Call("POST", "/x", body=b"order"), attempt)
    assert not attempt.was_sent
    assert tls_server.read in ([], [b""])


def test_the_wire_server_itself_shows_what_came(server: WireServer):
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as client:
        client.sendall(b"PUT /%41?[ HTTP/1.1\r\nContent-Length: 2\r\nA: b\r\n\r\nxy")
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    assert server.delivered == [
        Delivered(b"PUT /%41?[ HTTP/1.1\r\nContent-Length: 2\r\nA: b", b"xy", 1)
    ]


def test_connections_that_wait_can_be_closed_and_calls_go_on(
    server: WireServer, session: RawSession
):
    assert session.kept == 0
    deliver(session, Call("GET", "/x"))
    assert session.kept == 1
    session.close_unused()
    assert session.kept == 0
    deliver(session, Call("GET", "/y"))
    assert session.kept == 1
    assert [one.target for one in server.delivered] == [b"/x", b"/y"]
