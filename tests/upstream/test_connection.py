import socket

import pytest

from bpx.upstream.call import Call
from bpx.upstream.connection import Attempt, Connecting
from bpx.upstream.raw import FAULTS, RawSession
from tests.upstream.conftest import RUNTIME, deliver
from tests.upstream.wire_server import Answer, Then, WireServer


def test_nothing_is_added_but_what_http_needs(server: WireServer, session: RawSession):
    deliver(session, Call("GET", "/x"))
    deliver(session, Call("POST", "/x", (("X-MBX-APIKEY", "k"),), b"a=1"))
    host = server.url.removeprefix("http://").encode()
    assert server.delivered[0].headers == {b"host": host}
    assert server.delivered[1].headers == {
        b"host": host,
        b"x-mbx-apikey": b"k",
        b"content-length": b"3",
    }


def test_a_post_without_a_body_says_so(server: WireServer, session: RawSession):
    deliver(session, Call("POST", "/x"))
    assert server.delivered[0].headers[b"content-length"] == b"0"


def test_one_connection_serves_one_call_after_another(server: WireServer, session: RawSession):
    """B28: a proxy that builds a new transport for each request reuses nothing."""
    for _ in range(20):
        deliver(session, Call("GET", "/x"))
    assert server.connections == 1


def test_a_connection_that_lay_idle_for_too_long_is_not_used_again(server: WireServer):
    now = [0.0]
    connecting = Connecting(lambda: now[0], RUNTIME.deadline, RUNTIME.has_come, idle_s=2.0)
    with RawSession(server.url, 1, connecting) as session:
        for now[0] in (0.0, 1.9, 4.0):
            deliver(session, Call("POST", "/x"))
    assert [request.connection for request in server.delivered] == [1, 1, 2]


@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_what_was_read_and_not_answered_counts_as_sent_and_is_sent_once(
    server: WireServer, session: RawSession, then: Then, method: str
):
    server.answer = lambda request: Answer(then=then)
    attempt = Attempt("/x")
    with pytest.raises(FAULTS):
        deliver(session, Call(method, "/x"), attempt)
    assert attempt.was_sent
    assert len(server.delivered) == 1


def test_a_refused_connection_counts_as_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    connecting = Connecting(RUNTIME.now, RUNTIME.deadline, RUNTIME.has_come)
    attempt = Attempt("/x")
    session = RawSession(f"http://127.0.0.1:{port}", 1, connecting)
    with session, pytest.raises(FAULTS):
        deliver(session, Call("POST", "/x"), attempt)
    assert not attempt.was_sent


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-MBX-A: b\rX-MBX-B: 1\r\n",
        b"HTTP/1.1 200 OK\r\nX-MBX-A: b\0c\r\n",
        b"HTTP/1.1 200 O\rK\r\n",
        b"ICY 200 OK\r\n",
        b"\x16\x03\x01\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(500)),
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n",
    ],
)
def test_a_reply_with_a_broken_head_is_no_reply(
    server: WireServer, session: RawSession, head: bytes
):
    server.answer = lambda request: Answer(head + b"Content-Length: 2\r\n\r\n{}", Then.CLOSE)
    with pytest.raises(FAULTS):
        deliver(session, Call("GET", "/x"))
