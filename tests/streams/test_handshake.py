"""How a WebSocket is asked for, and what each answer means."""

import socket
from collections.abc import Callable
from threading import Event
from time import monotonic

import pytest

from bpx.errors import Loss, StreamLost
from bpx.simulator.simulator import Simulator
from bpx.streams.deflate import Inflater
from bpx.streams.handshake import MOST_HEAD_BYTES, _trust, upgraded
from tests.faults.frame_server import FrameServer, accepted, agreeing, frame, welcome
from tests.simulator.tiny_venue import TinyVenue

Shake = Callable[[bytes], bytes]


def ask(
    url: str,
    *,
    within_s: float = 10.0,
    is_late: Callable[[], bool] = lambda: False,
    compression: bool = True,
    ca_file: str | None = None,
) -> tuple[socket.socket, Inflater | None]:
    return upgraded(url, within_s, is_late=is_late, compression=compression, ca_file=ca_file)


def loss_of(shake: Shake, **options: bool) -> StreamLost:
    with FrameServer(shake=shake) as server, pytest.raises(StreamLost) as lost:
        ask(server.url + "/stream", **options)
    return lost.value


# What is asked


def test_the_request_is_that_of_rfc_6455_and_nothing_else(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with FrameServer() as server:
        link, _ = ask(server.url + "/stream?streams=a@b/c@d")
        link.close()
    line, *rows = server.heads[0].decode().strip().split("\r\n")
    headers = dict(row.split(": ") for row in rows)
    assert line == "GET /stream?streams=a@b/c@d HTTP/1.1"
    assert len(headers.pop("Sec-WebSocket-Key")) == 24
    assert headers == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Host": f"127.0.0.1:{server.port}",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    }


@pytest.mark.parametrize(
    ("offered", "shake", "is_agreed"),
    [(True, agreeing, True), (True, welcome, False), (False, welcome, False)],
)
def test_compression_is_what_is_offered_and_agreed_to(offered, shake, is_agreed):
    with FrameServer(shake=shake) as server:
        link, inflate = ask(server.url, compression=offered)
        link.close()
    assert (inflate is not None) is is_agreed
    assert (b"permessage-deflate" in server.heads[0]) is offered


def test_frames_behind_the_answer_are_left_in_the_socket():
    with FrameServer(shake=lambda head: welcome(head) + frame(b"early")) as server:
        link, _ = ask(server.url)
        with link:
            assert link.recv(100) == frame(b"early")


def test_cookies_are_neither_kept_nor_sent():
    def shake(head: bytes) -> bytes:
        return welcome(head, "Set-Cookie: a=b; domain=127.0.0.1", "SET-COOKIE: [bad]=\x01")

    with FrameServer(shake=shake) as server:
        for _ in range(2):
            ask(server.url)[0].close()
    assert b"a=b" not in server.heads[1]


def test_certificates_are_read_once():
    assert _trust(None) is _trust(None)


def test_over_tls_the_certificate_must_be_trusted():
    with Simulator(TinyVenue(), paused=True, tls=True) as sim:
        link, _ = ask(sim.ws_url + "/stream", ca_file=str(sim.ca_file))
        link.close()
        with pytest.raises(StreamLost, match="certificate") as lost:
            ask(sim.ws_url + "/stream")
    assert lost.value.loss is Loss.UNREACHABLE


# What the answers mean


@pytest.mark.parametrize("status", [403, 418, 429, 451])
@pytest.mark.parametrize(("header", "seconds"), [("retry-After:  120 ", 120.0), ("X: y", None)])
def test_a_ban_says_for_how_long(status: int, header: str, seconds: float | None):
    lost = loss_of(lambda head: f"HTTP/1.1 {status} No\r\n{header}\r\n\r\n".encode())
    assert (lost.loss, lost.retry_after_s) == (Loss.BANNED, seconds)


@pytest.mark.parametrize(
    "text", ["soon", "-1", "1e9", "99999999999", "Wed, 21 Oct 2026 07:28:00 GMT"]
)
def test_a_retry_after_that_is_no_number_of_seconds_is_none(text: str):
    lost = loss_of(lambda head: f"HTTP/1.1 429 No\r\nRetry-After: {text}\r\n\r\n".encode())
    assert (lost.loss, lost.retry_after_s) == (Loss.BANNED, None)


def without(name: bytes) -> Shake:
    return lambda head: b"".join(
        line for line in welcome(head).splitlines(keepends=True) if not line.startswith(name)
    )


REFUSALS: dict[str, Shake] = {
    **{
        str(status): lambda head, status=status: f"HTTP/1.1 {status} X\r\n\r\n".encode()
        for status in (100, 200, 301, 302, 303, 307, 308, 400, 401, 404, 426, 500, 502, 503)
    },
    "no HTTP": lambda head: b"220 smtp.example.com ESMTP\r\n\r\n",
    "no status": lambda head: b"HTTP/1.1 ABC\r\n\r\n",
    "raw bytes": lambda head: bytes(range(256)) + b"\r\n\r\n",
    "no upgrade": without(b"Upgrade"),
    "no connection": without(b"Connection"),
    "no accept": without(b"Sec-WebSocket-Accept"),
    "a wrong accept": lambda head: welcome(head).replace(accepted(head), b"x" * 27 + b"="),
    "another upgrade": lambda head: welcome(head).replace(b"websocket", b"h2c"),
    "a header without a colon": lambda head: welcome(head, "nothing"),
    "raw bytes in a name": lambda head: welcome(head).replace(b"Upgrade:", b"\xff\r\nUpgrade:"),
    "an unknown extension": lambda head: welcome(head, "Sec-WebSocket-Extensions: x-other"),
    "an endless head": lambda head: b"HTTP/1.1 101 X\r\nX: " + b"y" * MOST_HEAD_BYTES,
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_no_websocket_is_a_refusal(name: str):
    assert loss_of(REFUSALS[name]).loss is Loss.REFUSED


def test_compression_that_was_not_offered_is_a_refusal():
    assert loss_of(agreeing, compression=False).loss is Loss.REFUSED


@pytest.mark.parametrize("length", ["10000000000", "-1", "x"])
def test_the_body_of_a_refusal_is_not_waited_for(length: str):
    answer = f"HTTP/1.1 503 X\r\nContent-Length: {length}\r\n\r\nsome".encode()
    began = monotonic()
    assert loss_of(lambda head: answer).loss is Loss.REFUSED
    assert monotonic() - began < 8


# No answer


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/", "ws://no.such.host.invalid/", "ws://a..b/"])
def test_where_nobody_is_there_is_no_way(url: str):
    with pytest.raises(StreamLost) as lost:
        ask(url)
    assert lost.value.loss is Loss.UNREACHABLE


def test_a_server_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(StreamLost) as lost:
        ask(f"ws://127.0.0.1:{listener.getsockname()[1]}", within_s=0.2)
    assert lost.value.loss is Loss.UNREACHABLE


def test_half_an_answer_is_none():
    # Whoever is not let in is hung up on, here after half of a head.
    lost = loss_of(lambda head: b"HTTP/1.1 429 No\r\nRetry-After: 1")
    assert lost.loss is Loss.UNREACHABLE


def test_an_answer_that_drips_is_given_up_when_it_is_late():
    over = Event()

    def drip(head: bytes) -> bytes:
        over.set()
        return b"HTTP/1.1 200 OK\r\n"

    with FrameServer(shake=drip) as server, pytest.raises(StreamLost) as lost:
        ask(server.url, is_late=over.is_set)
    assert lost.value.loss is Loss.UNREACHABLE
