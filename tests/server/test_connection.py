import errno
import os
import signal
import socket
from time import monotonic

import pytest

from tests.proxy import Proxy, running_proxy
from tests.server.conftest import EXAMPLE
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
            within_s=15,
        )


def test_an_idle_connection_is_closed_without_a_word(impatient: Proxy) -> None:
    with connected(impatient) as client:
        asked_at = monotonic()
        client.sendall(b"GET /one HTTP/1.1\r\n\r\n")
        assert client.recv(65536).endswith(b"\r\n\r\n/one")
        assert client.recv(65536) == b""
        assert 1.4 < monotonic() - asked_at < 15


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


@pytest.mark.parametrize("begun", [b"P", b"POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"])
def test_a_request_that_began_with_the_one_before_it_has_no_more_time(begun: bytes) -> None:
    env = {"BPX_SERVER_READ_TIMEOUT": "1s", "BPX_SERVER_IDLE_TIMEOUT": "60s"}
    with running_proxy(EXAMPLE, env) as proxy, connected(proxy) as client:
        client.sendall(b"GET /one HTTP/1.1\r\n\r\n" + begun)
        asked_at = monotonic()
        _, _, answer = read_to_end(client).partition(b"/one")
        assert refusal(answer) == TOO_SLOW
        assert monotonic() - asked_at < 15


def test_a_request_that_began_with_the_one_before_it_is_finished_while_we_stop() -> None:
    with running_proxy(EXAMPLE) as proxy, connected(proxy) as client, connected(proxy) as idle:
        for one in (client, idle):
            one.sendall(b"GET /one HTTP/1.1\r\n\r\n")
            assert one.recv(65536).endswith(b"/one")
        client.sendall(
            b"GET /two HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"
        )
        assert client.recv(65536).endswith(b"/two")
        os.kill(proxy.pid, signal.SIGTERM)
        assert idle.recv(65536) == b"", "whoever is idle has been sent away"
        client.sendall(b"cdefghi")
        assert read_to_end(client).endswith(b"abcdefghi")
