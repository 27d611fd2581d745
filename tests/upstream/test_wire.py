import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from bpx.errors import NotSent, OutcomeUnknown, ReadFailed, Redirected
from bpx.upstream.bounds import Bounds
from bpx.upstream.broken import Broken
from bpx.upstream.call import Call, Kind
from bpx.upstream.wire import Wire
from tests.runtime import ThreadRuntime
from tests.upstream.wire_server import Answer, Then, WireServer, ok
from tests.waiting import eventually

METHODS = {Kind.PUBLIC: "GET", Kind.SIGNED: "GET", Kind.ORDER: "POST", Kind.CANCEL: "DELETE"}
JSON = b'{"symbol":"BTCUSDT","orderId":1}'
PACKED = gzip.compress(JSON)
GZIP = "Content-Encoding: gzip\r\n"


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


UNUSABLE = {
    "closed without an answer": Answer(then=Then.CLOSE),
    "reset without an answer": Answer(then=Then.RESET),
    "half a status line": Answer(b"HTTP/1.1 2", Then.CLOSE),
    "half a head": Answer(b"HTTP/1.1 200 OK\r\nContent-Le", Then.RESET),
    "garbage": Answer(b"\x15\x03\x01\x00\x02\x02\x28", Then.CLOSE),
    "another protocol": Answer(b"SSH-2.0-OpenSSH_9.2\r\n", Then.CLOSE),
    "half a body": Answer(ok(JSON)[:-5], Then.CLOSE),
    "a body reset in the middle": Answer(ok(JSON)[:-5], Then.RESET),
    "two lengths": Answer(head("Content-Length: 2", "Content-Length: 3") + b"{}x", Then.CLOSE),
    "a cut chunk": Answer(head("Transfer-Encoding: chunked") + b"20\r\n" + JSON[:9], Then.CLOSE),
    "no last chunk": Answer(head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n", Then.CLOSE),
    "a chunk of no size": Answer(head("Transfer-Encoding: chunked") + b"zz\r\n{}", Then.CLOSE),
    "JSON cut where nothing frames it": Answer(head() + JSON[:-5], Then.CLOSE),
    "nothing where nothing frames it": Answer(head(), Then.CLOSE),
    "gzip cut": Answer(ok(PACKED[:-9], GZIP)),
    "gzip with a wrong sum": Answer(ok(PACKED[:-8] + b"\0" * 8, GZIP)),
    "plain text called gzip": Answer(ok(JSON, GZIP)),
    "an interim reply for a final one": Answer(head("X: 2", status="103 Hint"), Then.CLOSE),
    "other words than asked for": Answer(head("Content-Length: 2", status="101 Else") + b"{}"),
    "a bare CR in a header": Answer(ok(headers="X-MBX-A: b\rX-MBX-B: 1\r\n")),
    "a header that is not ASCII": Answer(ok(headers="X-MBX-A: \xe9\r\n")),
}


@pytest.fixture
def wire(server: WireServer) -> Iterator[Wire]:
    wire = Wire(server.url, ThreadRuntime(), Bounds(connect_s=10.0, pool_wait_s=0.2))
    yield wire
    wire.close()


def failed(wire: Wire, kind: Kind) -> Broken:
    with pytest.raises(Broken) as caught:
        wire.ask(Call(METHODS.get(kind, "GET"), "/x?signature=secret", kind=kind), 20.0)
    return caught.value


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_without_a_usable_answer_the_outcome_is_unknown_and_nothing_is_sent_twice(
    server: WireServer, wire: Wire, kind: Kind, answer: Answer
):
    server.answer = lambda request: answer
    broken = failed(wire, kind)
    assert isinstance(broken.failure, ReadFailed if kind is Kind.PUBLIC else OutcomeUnknown)
    assert broken.was_sent
    assert len(server.delivered) == 1
    assert "secret" not in str(broken.failure.__dict__)


@pytest.mark.parametrize("kind", METHODS)
def test_after_an_unusable_answer_the_next_call_gets_its_own(
    server: WireServer, wire: Wire, kind: Kind
):
    for answer in UNUSABLE.values():
        server.answer = lambda request, answer=answer: answer
        failed(wire, kind)
    server.answer = lambda request: ok(b"[%d]" % len(server.delivered))
    call = Call(METHODS[kind], "/x", kind=kind)
    assert wire.ask(call, 20.0).body == b"[%d]" % (len(UNUSABLE) + 1)


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("status", ["301 X", "302 X", "303 X", "307 X", "308 X"])
@pytest.mark.parametrize("location", ["/y", "http://127.0.0.1:1/y", "http://["])
def test_a_redirect_is_not_followed(
    server: WireServer, wire: Wire, kind: Kind, status: str, location: str
):
    server.answer = lambda request: ok(headers=f"Location: {location}\r\n", status=status)
    failure = failed(wire, kind).failure
    assert isinstance(failure, Redirected)
    assert (failure.status, failure.code, failure.retry_after) == (502, -1001, None)
    assert len(server.delivered) == 1


@pytest.mark.parametrize("kind", METHODS)
def test_a_refused_connection_is_not_sent(kind: Kind):
    wire = Wire("http://127.0.0.1:1", ThreadRuntime(), Bounds())
    broken = failed(wire, kind)
    assert isinstance(broken.failure, NotSent)
    assert (broken.was_sent, broken.has_connected) == (False, False)
    wire.close()


def test_a_target_that_no_host_could_get_says_nothing_about_the_host(wire: Wire):
    with pytest.raises(Broken) as caught:
        wire.ask(Call("GET", "/a b"), 20.0)
    assert (caught.value.is_hosts, caught.value.was_sent) == (False, False)


def test_a_header_that_no_host_could_get_says_nothing_about_the_host(wire: Wire):
    with pytest.raises(Broken) as caught:
        wire.ask(Call("GET", "/x", (("Accept", "a\nb"),)), 20.0)
    assert (caught.value.is_hosts, caught.value.was_sent) == (False, False)


@pytest.mark.parametrize("kind", METHODS)
def test_no_answer_in_time_is_an_unknown_outcome(server: WireServer, wire: Wire, kind: Kind):
    server.answer = lambda request: b""
    with pytest.raises(Broken) as caught:
        wire.ask(Call(METHODS[kind], "/x", kind=kind), 1.0)
    assert isinstance(caught.value.failure, ReadFailed if kind is Kind.PUBLIC else OutcomeUnknown)
    assert caught.value.is_hosts
    eventually(lambda: len(server.delivered) == 1)


@pytest.mark.parametrize("kind", METHODS)
def test_a_call_whose_time_is_over_is_not_sent(server: WireServer, wire: Wire, kind: Kind):
    with pytest.raises(Broken) as caught:
        wire.ask(Call(METHODS[kind], "/x", kind=kind), 0.0)
    assert isinstance(caught.value.failure, NotSent)
    assert (caught.value.is_hosts, caught.value.was_sent) == (False, False)
    assert server.connections == 0


def test_a_call_that_waited_for_a_connection_until_it_was_too_late_to_connect_is_not_sent(
    server: WireServer,
):
    wire = Wire(server.url, ThreadRuntime(), Bounds(connections={"trade": 1}, pool_wait_s=2.0))
    order, answered = Call("POST", "/order", kind=Kind.ORDER), threading.Event()
    server.answer = lambda request: Answer(ok(), after=answered)
    connect_by = monotonic() + 0.2
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(wire.ask, order, 20.0)
        eventually(lambda: len(server.delivered) == 1)
        second = pool.submit(wire.ask, order, 20.0, connect_by=connect_by)
        eventually(lambda: monotonic() > connect_by)
        answered.set()
        assert first.result(20).status == 200
        assert isinstance(second.exception(20).failure, NotSent)
    assert len(server.delivered) == 1
    wire.close()


def test_each_sort_of_call_has_its_own_connections(server: WireServer, wire: Wire):
    for kind in Kind:
        wire.ask(Call("GET", "/x", kind=kind), 20.0)
    assert server.connections == 4


def test_a_full_pool_lets_wait_for_a_bounded_time_and_sends_nothing(server: WireServer):
    answered = threading.Event()
    server.answer = lambda request: Answer(ok(), after=answered)
    wire = Wire(server.url, ThreadRuntime(), Bounds(connections={"trade": 1}, pool_wait_s=0.05))
    call = Call("POST", "/order", kind=Kind.ORDER)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(wire.ask, call, 20.0)
        eventually(lambda: len(server.delivered) == 1)
        assert isinstance(failed(wire, Kind.ORDER).failure, NotSent)
        answered.set()
        assert first.result(20).status == 200
    assert len(server.delivered) == 1
    assert wire.ask(call, 20.0).status == 200, "and then it is free again"
    wire.close()


def test_failures_do_not_use_a_pool_up(server: WireServer):
    wire = Wire(server.url, ThreadRuntime(), Bounds(connections={"trade": 1}, pool_wait_s=0.05))
    server.answer = lambda request: Answer(then=Then.RESET)
    for _ in range(5):
        failed(wire, Kind.ORDER)
    server.answer = lambda request: ok()
    assert wire.ask(Call("POST", "/order", kind=Kind.ORDER), 20.0).status == 200
    wire.close()


def test_a_body_that_is_longer_than_its_length_does_not_reach_the_next_call(
    server: WireServer, wire: Wire
):
    server.answer = lambda request: head("Content-Length: 2") + b"{}" + ok(b'"stray"')
    assert [wire.ask(Call("GET", "/x"), 20.0).body for _ in range(3)] == [b"{}"] * 3


def test_under_gevent_nothing_outlasts_a_deadline():
    """In a process of its own: this one is not patched, and a thread cannot be cut off."""
    script = Path(__file__).with_name("deadlines.py")
    run = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=script.parents[2],
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines() == [
        "black hole: OutcomeUnknown in time, sent once",
        "dripping head: OutcomeUnknown in time, sent once",
        "dripping body: OutcomeUnknown in time, sent once",
        "late answer: not given to the next call",
        "connect that hangs: NotSent in time",
        "all connections free again",
    ]
