import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from bpx.errors import (
    Abandoned,
    Banned,
    NotSent,
    OutcomeUnknown,
    OverBudget,
    Throttled,
)
from bpx.upstream.bounds import Bounds
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import WAITED_S, Call, Kind
from bpx.upstream.retry import Recovery
from bpx.upstream.upstream import Upstream
from tests.upstream.conftest import MakeUpstream
from tests.upstream.times import StillTime
from tests.upstream.wire_server import Answer, Delivered, Then, WireServer, ok
from tests.waiting import eventually

BREAKER = Recovery(failure_threshold=5)
ORDER = Call("POST", "/order", kind=Kind.ORDER)
CANCEL = Call("DELETE", "/order", kind=Kind.CANCEL)


def nowhere() -> str:
    """Return where nobody listens, nor will in the meantime."""
    return "http://127.0.0.1:1"


def held(server: WireServer, make_upstream: MakeUpstream, time: StillTime) -> Upstream:
    """Return what was told to hold, and has."""
    server.answer = lambda request: ok(headers="Retry-After: 1\r\n", status="418 X")
    upstream = make_upstream(server.url, runtime=time)
    upstream.forward(Call("GET", "/x"))
    assert upstream.budget.hold_left_s() == 1.0
    time.time += 1.0
    assert upstream.budget.hold_left_s() == 0
    return upstream


def test_a_hold_is_for_all_hosts(make_upstream: MakeUpstream):
    refusal = ok(headers="Retry-After: 7\r\n", status="429 X")
    with WireServer(lambda request: refusal) as first, WireServer() as second:
        upstream = make_upstream([first.url, second.url])
        assert upstream.forward(Call("GET", "/x")).status == 429
        for kind in Kind:
            with pytest.raises(Throttled):
                upstream.forward(Call("GET", "/x", kind=kind))
    assert (len(first.delivered), len(second.delivered)) == (1, 0)


def test_after_a_hold_a_cheap_probe_goes_first(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = held(server, make_upstream, StillTime())
        server.answer = lambda request: ok()
        for _ in range(2):
            upstream.forward(ORDER)
    targets = [request.target for request in server.delivered]
    assert targets == [b"/x", b"/api/v3/ping", b"/order", b"/order"]


def test_a_probe_that_is_refused_holds_again(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = held(server, make_upstream, StillTime())
        server.answer = lambda request: ok(headers="Retry-After: 30\r\n", status="418 X")
        for _ in range(3):
            with pytest.raises(Banned) as caught:
                upstream.forward(ORDER)
    assert caught.value.retry_after == "30"
    assert [request.target for request in server.delivered] == [b"/x", b"/api/v3/ping"]


def test_a_probe_without_an_answer_keeps_the_order_back(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = held(server, make_upstream, StillTime())
        server.answer = lambda request: Answer(then=Then.RESET)
        with pytest.raises(NotSent) as caught:
            upstream.forward(ORDER)
        assert f"{server.url}: ConnectionResetError" in caught.value.reason
        server.answer = lambda request: ok()
        assert upstream.forward(ORDER).status == 200
    assert [request.method for request in server.delivered] == [b"GET", b"GET", b"GET", b"POST"]


def test_market_data_that_hangs_keeps_no_order_back_after_a_hold(make_upstream: MakeUpstream):
    answered = threading.Event()

    def hang(request: Delivered) -> bytes | Answer:
        is_read = request.target.startswith(b"/slow")
        return Answer(ok(), after=answered) if is_read else ok()

    with WireServer(hang) as server, ThreadPoolExecutor(2) as pool:
        bounds = Bounds({**Bounds().connections, "public": 2}, pool_wait_s=0.2)
        upstream = make_upstream(server.url, bounds=bounds)
        reads = [pool.submit(upstream.forward, Call("GET", f"/slow{n}")) for n in range(2)]
        eventually(lambda: len(server.delivered) == 2)
        server.answer = lambda request: ok(headers="Retry-After: 1\r\n", status="429 X")
        upstream.forward(CANCEL)
        server.answer = hang
        eventually(lambda: upstream.budget.hold_left_s() == 0)
        assert upstream.forward(ORDER).status == 200
        answered.set()
        assert all(read.result(20).status == 200 for read in reads)


def test_who_has_waited_in_vain_for_the_budget_is_told_in_time_and_sends_nothing(
    make_upstream: MakeUpstream,
):
    with WireServer() as server:
        time = StillTime()
        upstream = make_upstream(
            server.url, bucket=LeakyBucket(1, 0.4), bounds=Bounds(total_s=1.0), runtime=time
        )
        upstream.forward(CANCEL)
        began = monotonic()
        with pytest.raises(OverBudget):
            upstream.forward(Call("GET", "/x"))
        with pytest.raises(OverBudget):
            upstream.forward(Call("GET", "/x"), began=time.now() - 0.9)
        assert monotonic() - began < 10
    assert len(server.delivered) == 1


@pytest.mark.parametrize(
    ("window_ms", "times", "longest_s"), [(60_000, 1, Kind.PROBE.total_s), (400, 5, 0.3)]
)
def test_a_signed_read_does_not_wait_for_a_probe_longer_than_it_may(
    make_upstream: MakeUpstream, window_ms: int, times: int, longest_s: float
):
    read = Call("GET", f"/account?signature=a&recvWindow={window_ms}", kind=Kind.SIGNED)
    took_s = [waited_for_a_probe(make_upstream, read) for _ in range(times)]
    assert min(took_s) < longest_s  # the machine may be busy; the quickest of some tells


def waited_for_a_probe(make_upstream: MakeUpstream, read: Call) -> float:
    """Return how long a read waited in vain; nothing of it went, and afterwards orders go."""
    answered = threading.Event()
    with WireServer() as server:
        upstream = held(server, make_upstream, StillTime())
        server.answer = lambda request: Answer(ok(), after=answered)
        began = monotonic()
        with pytest.raises(NotSent):
            upstream.forward(read)
        took_s = monotonic() - began
        answered.set()
        server.answer = lambda request: ok()
        eventually(lambda: not upstream._tries._attempts._probing._flights)
        assert upstream.forward(ORDER).status == 200
    first, *probes, last = [request.target for request in server.delivered]
    assert (first, set(probes), last) == (b"/x", {b"/api/v3/ping"}, b"/order")
    return took_s


def test_what_its_client_has_given_up_while_a_probe_was_out_is_not_sent(
    make_upstream: MakeUpstream,
):
    answered, has_gone = threading.Event(), threading.Event()
    order = Call("POST", "/order", kind=Kind.ORDER, is_abandoned=has_gone.is_set)
    with WireServer() as server, ThreadPoolExecutor(1) as pool:
        time = StillTime()
        upstream = held(server, make_upstream, time)
        server.answer = lambda request: Answer(ok(), after=answered)
        outcome = pool.submit(upstream.forward, order)
        eventually(lambda: len(server.delivered) == 2)
        has_gone.set()
        time.time += 2 * WAITED_S
        answered.set()
        assert isinstance(outcome.exception(20), Abandoned)
    assert [request.target for request in server.delivered] == [b"/x", b"/api/v3/ping"]


def test_what_waited_for_a_connection_over_a_hold_does_not_go_before_the_probe(
    make_upstream: MakeUpstream,
):
    answered = threading.Event()
    with WireServer(lambda request: Answer(ok(), after=answered)) as server:
        bounds = Bounds({**Bounds().connections, "public": 1}, pool_wait_s=30, total_s=30)
        upstream = make_upstream(server.url, bounds=bounds)
        with ThreadPoolExecutor(2) as pool:
            slow = pool.submit(upstream.forward, Call("GET", "/slow"))
            eventually(lambda: len(server.delivered) == 1)
            waiting = pool.submit(upstream.forward, Call("GET", "/waiting"))
            eventually(lambda: upstream.budget.spent()[0] > 1)
            server.answer = lambda request: ok(headers="Retry-After: 1\r\n", status="429 X")
            upstream.forward(CANCEL)
            eventually(upstream.budget.needs_probe)
            answered.set()
            assert slow.result(20).status == 200
            assert isinstance(waiting.exception(20), Throttled)
    assert [request.target for request in server.delivered] == [b"/slow", b"/order"]


def test_a_firewalls_403_keeps_public_reads_back_and_nothing_else(make_upstream: MakeUpstream):
    page = ok(b"<html>blocked</html>", status="403 Forbidden")
    with WireServer(lambda request: page) as server:
        upstream = make_upstream(server.url, runtime=StillTime())
        assert upstream.forward(Call("GET", "/x")).status == 403
        for kind in (Kind.PUBLIC, Kind.BACKGROUND):
            with pytest.raises(NotSent) as caught:
                upstream.forward(Call("GET", "/x", kind=kind))
            assert caught.value.retry_after == "10"
        assert upstream.budget.blocked_left_s() == 10
        assert len(server.delivered) == 1
        server.answer = lambda request: ok()
        for kind in (Kind.SIGNED, Kind.ORDER, Kind.CANCEL):
            assert upstream.forward(Call("GET", "/x", kind=kind)).status == 200


def test_a_firewalls_403_reaches_those_who_wait_for_a_connection(make_upstream: MakeUpstream):
    answered = threading.Event()
    page = ok(b"<html>blocked</html>", status="403 Forbidden")
    with WireServer(lambda request: Answer(page, after=answered)) as server:
        bounds = Bounds({**Bounds().connections, "public": 1})
        upstream = make_upstream(server.url, bounds=bounds)
        with ThreadPoolExecutor(5) as pool:
            reads = [pool.submit(upstream.forward, Call("GET", f"/{n}")) for n in range(5)]
            eventually(lambda: len(server.delivered) == 1)
            eventually(lambda: all(read.running() for read in reads))
            answered.set()
            outcomes = [read.exception(20) for read in reads]
    assert len(server.delivered) == 1
    assert sum(isinstance(outcome, NotSent) for outcome in outcomes) == 4


def test_a_403_in_the_exchanges_words_keeps_nobody_back(make_upstream: MakeUpstream):
    with WireServer(lambda request: ok(b'{"code":-2015,"msg":"x"}', status="403 X")) as server:
        upstream = make_upstream(server.url)
        for _ in range(2):
            assert upstream.forward(Call("GET", "/x")).status == 403


def test_what_an_unknown_path_costs_is_learned_from_what_it_adds(make_upstream: MakeUpstream):
    used = [0]

    def answer(request: Delivered) -> bytes:
        used[0] += 3
        date = "Date: Sun, 22 Nov 2026 12:00:10 GMT\r\n"
        return ok(headers=f"X-MBX-USED-WEIGHT-1M: {used[0]}\r\n{date}")

    call = Call("GET", "/new?a=1", weight=50, is_unknown=True)
    with WireServer(answer) as server:
        upstream = make_upstream(server.url, weight_per_minute=200)
        for _ in range(15):  # 140 may be spent, and 50 each would not be
            assert upstream.forward(call).status == 200


@pytest.mark.parametrize(
    ("kind", "opens"), [(Kind.PUBLIC, True), (Kind.SIGNED, True), (Kind.ORDER, False)]
)
def test_a_breaker_opens_by_gateway_errors_of_reads(
    make_upstream: MakeUpstream, kind: Kind, opens: bool
):
    with WireServer(lambda request: ok(status="503 X")) as server:
        time = StillTime()
        upstream = make_upstream(server.url, recovery=BREAKER, runtime=time)
        while len(server.delivered) < 5:
            upstream.forward(Call("GET", "/x", kind=kind))
        before = len(server.delivered)
        time.slept.clear()
        if opens:
            with pytest.raises(NotSent) as caught:
                upstream.forward(Call("GET", "/x", kind=kind))
            assert time.slept == []
            assert caught.value.retry_after == "5"
            assert len(server.delivered) == before
        else:
            assert upstream.forward(Call("GET", "/x", kind=kind)).status == 503


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_an_answer_that_is_none_of_a_gateway_opens_no_breaker(
    make_upstream: MakeUpstream, status: int
):
    with WireServer(lambda request: ok(b'{"code":-1000}', status=f"{status} X")) as server:
        upstream = make_upstream(server.url, recovery=BREAKER)
        for _ in range(30):
            assert upstream.forward(Call("GET", "/x")).status == status


def test_orders_open_their_breaker_by_connections_alone_and_cancels_go_on(
    make_upstream: MakeUpstream,
):
    with WireServer(lambda request: Answer(then=Then.RESET)) as server:
        upstream = make_upstream(server.url, recovery=BREAKER)
        for _ in range(10):
            with pytest.raises(OutcomeUnknown):
                upstream.forward(ORDER)
    upstream = make_upstream(nowhere(), recovery=BREAKER, runtime=StillTime())
    with ThreadPoolExecutor(1) as pool:
        reasons = [
            getattr(pool.submit(upstream.forward, call).exception(20), "reason", "")
            for call in [ORDER] * 6 + [CANCEL]
        ]
    assert "breaker" not in reasons[0]
    assert "breaker" in reasons[5]
    assert "breaker" not in reasons[6]


def test_without_the_option_there_is_no_breaker(make_upstream: MakeUpstream):
    with WireServer(lambda request: ok(status="503 X")) as server:
        upstream = make_upstream(server.url)
        for _ in range(30):
            assert upstream.forward(Call("GET", "/x")).status == 503
