"""Row G11: TLS towards clients, with a real server and real certificates."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from warnings import catch_warnings

import pytest
import requests

from bpx.simulator.simulator import Simulator
from tests.faults.certificates import server_context
from tests.faults.exchange import RawExchange, reply
from tests.faults.scale import IS_FULL
from tests.faults.stage import NOWHERE, UNLIMITED
from tests.proxy import ROOT, bare_environment, free_port, running
from tests.waiting import eventually

WEAK = [
    ("TLSv1", "ALL:@SECLEVEL=0"), ("TLSv1.1", "ALL:@SECLEVEL=0"), ("TLSv1.2", "AES128-SHA"),
    ("TLSv1.2", "AES256-GCM-SHA384"), ("TLSv1.2", "ECDHE-ECDSA-AES128-SHA256"),
    ("TLSv1.2", "ECDHE-ECDSA-AES128-SHA"), ("TLSv1.2", "NULL:@SECLEVEL=0"),
    ("TLSv1.2", "DHE-RSA-AES128-GCM-SHA256"), ("TLSv1.2", "3DES:@SECLEVEL=0"),
]  # fmt: skip
READ_S = 3  # for a whole request
LONG_KLINES = b"[" + b",".join(b'"%064d"' % n for n in range(100_000)) + b"]"  # 6.6 MB


@dataclass
class Secure:
    """A proxy that speaks TLS."""

    exchange: RawExchange
    port: int
    operators_port: int
    pid: int
    log_path: Path
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def ask(self, target: str, **more) -> requests.Response:
        """Ask once, with the certificate as the only one to trust."""
        more.setdefault("verify", str(self.certificate))
        return requests.get(self.url + target, timeout=20, **more)

    def shown(self) -> bytes:
        """Return the certificate that it shows."""
        context = ssl._create_unverified_context()
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain,
            context.wrap_socket(plain) as secure,
        ):
            return secure.getpeercert(binary_form=True)


@contextmanager
def secured(directory: Path, env: Mapping[str, str] | None = None) -> Iterator[Secure]:
    """Run a spot proxy with a certificate of its own."""
    _, pem = server_context(directory, "server")
    certificate = directory / "certificate.pem"
    key = directory / "key.pem"
    split(pem, certificate, key)
    with ExitStack() as stack:
        exchange = stack.enter_context(RawExchange())
        port, operators = free_port(), free_port()
        log_path = directory / "log"
        options = {
            "BPX_UPSTREAM_SPOT_REST": exchange.url,
            "BPX_UPSTREAM_SPOT_WS": f"ws://{NOWHERE}",
            "BPX_SERVER_PORT_SPOT": str(port),
            "BPX_FEAT_ENABLE_METRICS": "true",
            "BPX_FEAT_METRICS_PORT": str(operators),
            "BPX_TLS_CERT_FILE": str(certificate),
            "BPX_TLS_KEY_FILE": str(key),
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:spot"]
        process = stack.enter_context(
            running(command, UNLIMITED | options | dict(env or {}), log_path)
        )
        here = Secure(exchange, port, operators, process.pid, log_path, certificate)
        eventually(lambda: answers(port) and answers(operators), within_s=20)
        yield here
    assert "Traceback" not in log_path.read_text()


def split(pem: Path, certificate: Path, key: Path) -> None:
    """Write certificate and key to files of their own."""
    text = pem.read_text()
    begin = text.index("-----BEGIN PRIVATE KEY-----")
    certificate.write_text(text[:begin])
    key.touch(0o600)
    key.write_text(text[begin:])


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def is_trusted(here: Secure) -> bool:
    with suppress(requests.ConnectionError):  # of SSL, or of a worker that leaves
        return here.ask("/api/v3/time").status_code == 200
    return False


def shows(here: Secure, certificate: bytes) -> bool:
    with suppress(OSError):  # of a worker that leaves
        return here.shown() == certificate
    return False


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    env = {"BPX_SERVER_READ_TIMEOUT": f"{READ_S}s"}
    with secured(tmp_path_factory.mktemp("tls"), env) as here:
        yield here


def test_g11_requests_are_answered_over_tls_and_connections_are_kept(secure: Secure):
    secure.exchange.mend()
    with requests.Session() as session:
        session.verify, session.trust_env = str(secure.certificate), False
        for _ in range(20):
            assert session.get(f"{secure.url}/api/v3/time", timeout=20).status_code == 200
            order = session.post(f"{secure.url}/api/v3/order?signature=x", data="a=b", timeout=20)
            assert order.headers["Data-Source"] == "upstream"
    assert len(secure.exchange.hits) == 40


def test_g11_what_a_cache_answers_is_answered_once_each_on_a_kept_connection(tmp_path: Path):
    with Simulator("spot") as sim:
        urls = {"BPX_UPSTREAM_SPOT_REST": sim.rest_url, "BPX_UPSTREAM_SPOT_WS": sim.ws_url}
        with secured(tmp_path, urls) as here, requests.Session() as bot:
            bot.verify, bot.trust_env = str(here.certificate), False
            url = f"{here.url}/api/v3/depth?symbol=BTCUSDT&limit=5"
            eventually(lambda: source(bot.get(url, timeout=20)) == "websocket", within_s=20)
            for _ in range(20):
                reply = bot.get(url, timeout=20)
                assert (reply.status_code, source(reply)) == (200, "websocket")
                assert b'"lastUpdateId"' in reply.content
            assert "failed by a bug" not in here.log_path.read_text()


def source(reply: requests.Response) -> str:
    return reply.headers["Data-Source"]


def test_g11_a_large_answer_arrives_whole_however_slowly_it_is_read(secure: Secure):
    secure.exchange.talk = lambda hit: reply(LONG_KLINES)
    assert secure.ask("/api/v3/aggTrades?symbol=A").content == LONG_KLINES
    context = ssl.create_default_context(cafile=str(secure.certificate))
    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(b"GET /api/v3/trades?symbol=A HTTP/1.1\r\nConnection: close\r\n\r\n")
        received = b""
        while part := client.recv(2000):
            received += part
        assert received.partition(b"\r\n\r\n")[2] == LONG_KLINES
    secure.exchange.mend()


def test_g11_the_operators_port_speaks_tls_too(secure: Secure):
    url = f"https://127.0.0.1:{secure.operators_port}/health"
    assert requests.get(url, verify=str(secure.certificate), timeout=20).json()["version"]
    with pytest.raises(requests.ConnectionError):
        requests.get(url.replace("https", "http"), timeout=20)


@pytest.mark.parametrize(("version", "ciphers"), WEAK)
def test_g11_what_is_weak_is_not_agreed_on(secure: Secure, version: str, ciphers: str):
    context = ssl._create_unverified_context()
    number = ssl.TLSVersion[version.replace(".", "_")]
    try:
        context.set_ciphers(ciphers)
        with catch_warnings(action="ignore"):  # for what it offers
            context.minimum_version = context.maximum_version = number
    except ssl.SSLError:
        pytest.skip("this OpenSSL cannot offer it")
    with (
        socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain,
        pytest.raises(OSError, match=r"alert|EOF|reset|no protocols|handshake"),
    ):
        context.wrap_socket(plain)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\x00" * 600,
        b"\x16\x03\x01\xff\xff" + b"x" * 600,
    ],
)  # fmt: skip
def test_g11_what_does_not_speak_tls_is_cut_off(secure: Secure, sent: bytes):
    with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as client:
        began = monotonic()
        client.sendall(sent)
        with suppress(ConnectionResetError):
            while client.recv(1000):
                pass
        assert monotonic() - began < READ_S + 10
    assert secure.ask("/api/v3/time").status_code == 200


def test_g11_a_handshake_that_drips_is_cut_off_and_holds_nobody_up(secure: Secure):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl._create_unverified_context().wrap_bio(incoming, outgoing)
    with suppress(ssl.SSLWantReadError):
        hello.do_handshake()
    content = outgoing.read()
    ended: list[float] = []

    def drip() -> None:
        began, over = monotonic(), threading.Event()
        with (
            socket.create_connection(("127.0.0.1", secure.port), timeout=20) as client,
            suppress(OSError),
        ):
            client.settimeout(0.05)
            for byte in content:
                client.sendall(bytes([byte]))
                with suppress(TimeoutError):
                    if not client.recv(1):
                        break
                over.wait(0.1)
        ended.append(monotonic() - began)

    clients = [threading.Thread(target=drip) for _ in range(20)]
    for client in clients:
        client.start()
    assert secure.ask("/api/v3/time").status_code == 200
    for client in clients:
        client.join(40)
    assert len(ended) == len(clients)
    assert max(ended) < READ_S + 10, "all of its bytes would take a minute"


def test_g11_a_new_certificate_is_taken_over_on_sighup(tmp_path: Path):
    with secured(tmp_path) as here:
        other = tmp_path / "other"
        other.mkdir()
        _, pem = server_context(other, "server")
        split(pem, here.certificate, tmp_path / "key.pem")
        now = ssl.PEM_cert_to_DER_cert(here.certificate.read_text())
        assert not shows(here, now)
        os.kill(here.pid, signal.SIGHUP)
        eventually(lambda: "Worker exiting" in here.log_path.read_text(), within_s=20)
        eventually(lambda: shows(here, now), within_s=20)
        eventually(lambda: is_trusted(here))
        # One that cannot be used changes nothing.
        here.certificate.write_text(here.certificate.read_text()[:-60])
        os.kill(here.pid, signal.SIGHUP)
        eventually(lambda: "nothing is reloaded" in here.log_path.read_text(), within_s=20)
        assert here.shown() == now


def test_g11_clients_may_need_a_certificate_and_operators_do_not(tmp_path: Path):
    _, client = server_context(tmp_path, "client")
    _, stranger = server_context(tmp_path, "stranger")
    with secured(tmp_path, {"BPX_TLS_CLIENT_CA_FILE": str(client)}) as here:
        assert here.ask("/api/v3/time", cert=str(client)).status_code == 200
        for other in (None, str(stranger)):
            with pytest.raises((requests.ConnectionError, requests.exceptions.SSLError)):
                here.ask("/api/v3/time", cert=other)
        url = f"https://127.0.0.1:{here.operators_port}/live"
        assert requests.get(url, verify=str(here.certificate), timeout=20).ok


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"BPX_TLS_KEY_FILE": ""}, "go together"),
        ({"BPX_TLS_CERT_FILE": ""}, "go together"),
        ({"BPX_TLS_KEY_FILE": "/nowhere"}, "cannot be used"),
        ({"BPX_TLS_CERT_FILE": "other"}, "cannot be used"),
        (
            {"BPX_TLS_CERT_FILE": "", "BPX_TLS_KEY_FILE": "", "BPX_TLS_CLIENT_CA_FILE": "other"},
            "needs",
        ),
    ],
)  # fmt: skip
def test_g11_what_cannot_be_used_ends_the_start_with_one_line(tmp_path: Path, wrong, words):
    _, pem = server_context(tmp_path, "server")
    _, other = server_context(tmp_path, "other")
    split(pem, tmp_path / "certificate.pem", tmp_path / "key.pem")
    env = {
        "BPX_TLS_CERT_FILE": str(tmp_path / "certificate.pem"),
        "BPX_TLS_KEY_FILE": str(tmp_path / "key.pem"),
        "BPX_SERVER_PORT_SPOT": str(free_port()),
    } | {name: str(other) if text == "other" else text for name, text in wrong.items()}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:spot"],
        cwd=ROOT, env=bare_environment() | env, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert words in done.stderr


@pytest.mark.skipif(not IS_FULL, reason="takes minutes: make faults")
@pytest.mark.skipif(shutil.which("testssl") is None, reason="there is no testssl")
@pytest.mark.timeout(600)
def test_g11_testssl_finds_nothing_above_low(secure: Secure, tmp_path: Path):
    report = tmp_path / "report.json"
    scanned = subprocess.run(
        ["testssl", "--quiet", "--warnings", "batch", "--color", "0", "--protocols",
          "--server-preference", "--fs", "--vulnerable", "--each-cipher",
         "--jsonfile", str(report), f"127.0.0.1:{secure.port}"],
        capture_output=True, timeout=580,
    )  # fmt: skip
    assert scanned.returncode == 0, scanned.stdout
    rows = {row["id"]: row for row in json.loads(report.read_text())}
    # It has really looked: a scan that failed finds nothing either.
    assert rows["TLS1_2"]["finding"] == "offered"
    assert rows["TLS1_3"]["finding"].startswith("offered")
    assert rows["TLS1"]["finding"] == rows["SSLv3"]["finding"] == "not offered"
    assert [row for row in rows.values() if row["severity"] not in ("OK", "INFO", "LOW")] == []
