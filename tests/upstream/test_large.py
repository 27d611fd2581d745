import gzip
import random
from collections.abc import Iterator

import pytest

from bpx.errors import ReadFailed
from bpx.upstream.bounds import Bounds
from bpx.upstream.broken import Broken
from bpx.upstream.call import BodyStream, Call
from bpx.upstream.wire import Wire
from tests.runtime import ThreadRuntime
from tests.upstream.wire_server import Answer, Then, WireServer, ok
from tests.waiting import eventually

BODY = b"[" + b"1," * 200_000 + b"1]"
NOISE = gzip.compress(random.Random(1).randbytes(400_000))
GZIP = "Content-Encoding: gzip\r\n"


@pytest.fixture
def wire(server: WireServer) -> Iterator[Wire]:
    wire = Wire(server.url, ThreadRuntime(), Bounds(connections={"public": 1}, pool_wait_s=0.1))
    yield wire
    wire.close()


def ask(wire: Wire) -> BodyStream:
    reply = wire.ask(Call("GET", "/x"), 20.0, whole_bytes=100_000)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.header("Content-Length") is not None
    assert reply.stream is not None
    return reply.stream


def test_a_large_reply_comes_in_chunks_and_gives_its_connection_back(
    server: WireServer, wire: Wire
):
    server.answer = lambda request: ok(BODY)
    for _ in range(3):
        assert b"".join(ask(wire)) == BODY
    assert server.connections == 1


def test_a_large_encoded_reply_passes_encoded(server: WireServer, wire: Wire):
    server.answer = lambda request: ok(NOISE, GZIP)
    assert b"".join(ask(wire)) == NOISE


@pytest.mark.parametrize(
    "answer",
    [
        Answer(ok(BODY)[:-1], Then.CLOSE),
        Answer(ok(BODY)[:300_000], Then.RESET),
        Answer(ok(NOISE[:-1], GZIP)),
        Answer(ok(NOISE[:200_000] + NOISE[200_001:], GZIP)),
        Answer(ok(gzip.compress(bytes(200 << 20), 1), GZIP)),
    ],
    ids=["cut", "reset", "gzip cut", "gzip broken", "gzip of zeros"],
)
def test_a_large_reply_that_breaks_never_looks_like_one_that_ended(
    server: WireServer, wire: Wire, answer: Answer
):
    server.answer = lambda request: answer
    with pytest.raises((ReadFailed, Broken)):  # a reset may overtake what was sent before it
        list(ask(wire))
    server.answer = lambda request: ok(b"{}")
    assert wire.ask(Call("GET", "/x"), 20.0).body == b"{}"


def test_a_client_that_goes_away_frees_the_connection(server: WireServer, wire: Wire):
    server.answer = lambda request: ok(BODY)
    stream = ask(wire)
    next(stream)
    stream.close()
    ask(wire).close()
    eventually(lambda: server.connections == 2)


def test_a_large_reply_has_a_place_of_its_own_and_those_are_few(server: WireServer):
    server.answer = lambda request: ok(BODY)
    bounds = Bounds(connections={"public": 1}, pool_wait_s=0.1, streams=2)
    wire = Wire(server.url, ThreadRuntime(), bounds)
    streams = [ask(wire), ask(wire)]
    with pytest.raises(Broken) as caught:
        ask(wire)
    assert isinstance(caught.value.failure, ReadFailed)
    assert (caught.value.is_hosts, caught.value.was_sent) == (False, True)
    server.answer = lambda request: ok(b"{}")
    assert wire.ask(Call("GET", "/x"), 20.0).body == b"{}"  # nobody is kept waiting by them
    server.answer = lambda request: ok(BODY)
    streams[0].close()
    streams[0].close()
    streams[0] = ask(wire)
    with pytest.raises(Broken):
        ask(wire)
    for stream in streams:
        stream.close()
    wire.close()
