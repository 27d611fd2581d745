import errno
import socket
from time import monotonic

from tests.proxy import Proxy
from tests.server.raw import connected, drip, read_to_end, refusal
from tests.waiting import eventually

TOO_SLOW = (408, {"code": -1001, "msg": "The request did not arrive in time."})


def test_a_head_that_drips_is_cut(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-Drip: ")
        assert refusal(drip(client)) == TOO_SLOW


def test_a_body_that_drips_is_cut(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")
        assert refusal(drip(client)) == TOO_SLOW


def test_a_chunked_body_that_drips_is_cut(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n")
        assert refusal(drip(client)) == TOO_SLOW


def test_a_client_that_does_not_take_its_answer_is_reset(impatient: Proxy) -> None:
    with connected(impatient, receive_buffer=4096) as client:
        client.sendall(b"GET /big HTTP/1.1\r\n\r\n")
        eventually(
            lambda: client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET,
            within_s=5,
        )


def test_an_idle_connection_is_closed_without_a_word(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(b"GET /one HTTP/1.1\r\n\r\n")
        assert client.recv(65536).endswith(b"\r\n\r\n/one")
        answered = monotonic()
        assert client.recv(65536) == b""
        assert 0.4 < monotonic() - answered < 3


def test_a_connection_that_never_asks_is_closed_without_a_word(impatient: Proxy) -> None:
    with connected(impatient) as client:
        assert client.recv(65536) == b""


def test_requests_sent_at_once_are_answered_in_their_order(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(b"GET /one HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\nConnection: close\r\n\r\n")
        first, _, second = read_to_end(client).partition(b"/one")
        assert b"Connection: keep-alive" in first
        assert b"Connection: close" in second
        assert second.endswith(b"/two")
