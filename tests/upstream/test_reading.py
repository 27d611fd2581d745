import gzip
from collections.abc import Iterator

import pytest

from bpx.upstream.bounds import Bounds
from bpx.upstream.broken import Broken
from bpx.upstream.call import Call, Kind
from bpx.upstream.wire import Wire
from tests.runtime import ThreadRuntime
from tests.upstream.wire_server import Answer, Then, WireServer, ok

JSON = b'{"symbol":"BTCUSDT","orderId":1}'
PACKED = gzip.compress(JSON)
GZIP = "Content-Encoding: gzip\r\n"


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


@pytest.fixture
def wire(server: WireServer) -> Iterator[Wire]:
    wire = Wire(server.url, ThreadRuntime(), Bounds(connect_s=10.0, pool_wait_s=0.2))
    yield wire
    wire.close()


def test_a_reply_that_is_announced_too_large_is_refused_before_it_is_read(
    server: WireServer, wire: Wire
):
    server.answer = lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 62914560\r\n\r\n["
    with pytest.raises(Broken) as caught:
        wire.ask(Call("GET", "/x"), 20.0)
    assert "too large" in str(caught.value.failure.__dict__)


@pytest.mark.parametrize(
    "status",
    [
        *["200 OK", "400 Bad", "401 No", "403 WAF", "404 None", "418 Ban", "429 Slow", "451 Geo"],
        *["500 X", "502 Bad Gateway", "503 Service Unavailable", "504 Timeout"],
    ],
)
@pytest.mark.parametrize("body", [JSON, b"<html>\xe9</html>", b""])
def test_whatever_binance_answers_passes_as_it_is(
    server: WireServer, wire: Wire, status: str, body: bytes
):
    server.answer = lambda request: ok(body, status=status)
    reply = wire.ask(Call("POST", "/x", kind=Kind.ORDER), 20.0)
    assert (reply.status, reply.body) == (int(status[:3]), body)


def test_an_encoded_body_passes_encoded(server: WireServer, wire: Wire):
    server.answer = lambda request: ok(PACKED, GZIP)
    reply = wire.ask(Call("GET", "/x"), 20.0)
    assert (reply.body, reply.header("Content-Encoding")) == (PACKED, "gzip")
    assert reply.header("Content-Length") is None


def test_a_folded_header_arrives_as_one_line(server: WireServer, wire: Wire):
    """RFC 9112, 5.2: a proxy may put spaces in the place of the fold."""
    server.answer = lambda request: ok(headers="X-MBX-A: b\r\n X-MBX-B: c\r\n")
    headers = wire.ask(Call("GET", "/x"), 20.0).headers
    assert headers == (("Content-Type", "application/json"), ("X-MBX-A", "b X-MBX-B: c"))


def test_a_chunked_body_is_put_together(server: WireServer, wire: Wire):
    chunks = b"1\r\n[\r\n3;x=y\r\n1,2\r\n1\r\n]\r\n0\r\nX-MBX-Trailer: 1\r\n\r\n"
    server.answer = lambda request: head("Transfer-Encoding: chunked") + chunks
    reply = wire.ask(Call("GET", "/x"), 20.0)
    assert (reply.body, reply.headers) == (b"[1,2]", ())


def test_a_whole_body_that_nothing_frames_passes(server: WireServer, wire: Wire):
    server.answer = lambda request: Answer(head() + JSON, Then.CLOSE)
    assert wire.ask(Call("GET", "/x"), 20.0).body == JSON
    server.answer = lambda request: Answer(head("Content-Type: text/html") + b"<p>", Then.CLOSE)
    assert wire.ask(Call("GET", "/x"), 20.0).body == b"<p>"
    server.answer = lambda request: Answer(head(status="404 Not Found"), Then.CLOSE)
    assert wire.ask(Call("GET", "/x"), 20.0).status == 404


def test_a_head_tells_the_length_of_what_a_get_would_bring(server: WireServer, wire: Wire):
    server.answer = lambda request: head("Content-Length: 123")
    for _ in range(2):
        reply = wire.ask(Call("HEAD", "/x"), 20.0)
        assert (reply.body, reply.header("Content-Length")) == (b"", "123")
    assert server.connections == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_reply_without_a_body_gives_its_connection_back(
    server: WireServer, wire: Wire, status: str
):
    server.answer = lambda request: head(status=status)
    for _ in range(3):
        assert wire.ask(Call("GET", "/x"), 20.0).status == int(status[:3])
    assert server.connections == 1


def test_a_body_is_decoded_once_for_all_who_look_into_it(server: WireServer, wire: Wire):
    server.answer = lambda request: ok(PACKED, GZIP)
    assert wire.ask(Call("GET", "/x"), 20.0).decoded == JSON
    server.answer = lambda request: ok(JSON)
    reply = wire.ask(Call("GET", "/x"), 20.0)
    assert reply.decoded is reply.body
