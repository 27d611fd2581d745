from contextlib import suppress
from time import monotonic

import pytest
from prometheus_client import REGISTRY

from bpx.errors import (
    Banned,
    NotSent,
    OutcomeUnknown,
    ReadFailed,
    ReadTimedOut,
    Redirected,
    Throttled,
)
from bpx.state.clock import ExchangeClock
from bpx.upstream.breaker import State
from bpx.upstream.call import Call, Kind
from bpx.upstream.retry import Recovery
from bpx.upstream.upstream import Upstream
from tests.streams.moved import MovedTime
from tests.upstream.conftest import MakeUpstream
from tests.upstream.times import StillTime
from tests.upstream.wire_server import Answer, Delivered, Then, WireServer, ok

BREAKER = Recovery(failure_threshold=5)
ORDER = Call("POST", "/order", kind=Kind.ORDER)
CANCEL = Call("DELETE", "/order", kind=Kind.CANCEL)


def nowhere() -> str:
    """Return where nobody listens, nor will in the meantime."""
    return "http://127.0.0.1:1"


def is_open(upstream: Upstream) -> bool:
    return any(reached.breaker is State.OPEN for reached in upstream.report())


def retries(kind: str) -> float:
    labels = {"market": "spot", "kind": kind}
    return REGISTRY.get_sample_value("bpx_upstream_retries_total", labels) or 0.0


@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET])
def test_a_public_read_is_tried_once_more_over_fresh_connections_too(
    make_upstream: MakeUpstream, then: Then
):
    answers: list[bytes | Answer] = [Answer(then=then), ok(b"[1]")]
    before = retries("public")
    with WireServer(lambda request: answers.pop(0)) as server:
        assert make_upstream(server.url).forward(Call("GET", "/x")).body == b"[1]"
    assert retries("public") == before + 1


def test_a_public_read_is_tried_twice_and_no_more(make_upstream: MakeUpstream):
    with WireServer(lambda request: Answer(then=Then.RESET)) as server:
        with pytest.raises(ReadFailed):
            make_upstream(server.url).forward(Call("GET", "/x"))
        assert len(server.delivered) == 2


def test_there_is_no_second_try_that_could_not_end_in_time(make_upstream: MakeUpstream):
    time = MovedTime()

    def late(request: Delivered) -> Answer:
        time.ahead_s += 19.9  # of 20
        return Answer(then=Then.RESET)

    with WireServer(late) as server:
        with pytest.raises(ReadFailed):
            make_upstream(server.url, runtime=time).forward(Call("GET", "/x"))
        assert len(server.delivered) == 1
        with pytest.raises(ReadTimedOut):
            make_upstream(server.url).forward(Call("GET", "/x"), began=monotonic() - 20.1)
        assert len(server.delivered) == 1


def test_a_redirect_is_not_asked_for_again(make_upstream: MakeUpstream):
    redirect = ok(headers="Location: http://127.0.0.1:1/\r\n", status="307 X")
    with WireServer(lambda request: redirect) as server:
        with pytest.raises(Redirected):
            make_upstream(server.url).forward(Call("GET", "/x"))
        assert len(server.delivered) == 1


@pytest.mark.parametrize("call", [ORDER, CANCEL])
def test_an_order_connects_once_more_within_a_second_if_nothing_was_sent(
    make_upstream: MakeUpstream, call: Call
):
    time = StillTime()
    before = retries(call.kind.name.lower())
    with pytest.raises(NotSent):
        make_upstream(nowhere(), runtime=time).forward(call)
    assert retries(call.kind.name.lower()) == before + 1
    assert sum(time.slept) == 0
    with pytest.raises(NotSent):
        make_upstream(nowhere(), runtime=time).forward(call, began=time.now() - 1.0)
    assert retries(call.kind.name.lower()) == before + 1


@pytest.mark.parametrize(
    ("target", "is_retried"),
    [
        ("/x?signature=a", True),
        ("/x?signature=a&timestamp=1000000&recvWindow=5000", True),
        ("/x?signature=a&timestamp=997000&recvWindow=5000", False),
        ("/x?signature=a&timestamp=997000&recvWindow=60000", True),
    ],
)
def test_a_signed_read_is_tried_again_while_more_than_half_of_its_window_is_left(
    make_upstream: MakeUpstream, target: str, is_retried: bool
):
    clock, time = ExchangeClock(), StillTime()
    clock.observe(1_000_000, time.now())
    before = retries("signed")
    upstream = make_upstream(nowhere(), clock=clock, runtime=time)
    with pytest.raises(NotSent):
        upstream.forward(Call("GET", target, kind=Kind.SIGNED))
    assert retries("signed") == before + is_retried


def test_a_read_goes_to_another_host_after_a_failure(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = make_upstream([nowhere(), server.url])
        for _ in range(10):
            assert upstream.forward(Call("GET", "/x")).status == 200
        signed = Call("GET", "/x?signature=a", kind=Kind.SIGNED)
        assert upstream.forward(signed).status == 200


def test_an_order_stays_with_its_host_and_the_next_ones_go_where_they_can(
    make_upstream: MakeUpstream,
):
    with WireServer() as server:
        upstream = make_upstream([nowhere(), server.url])
        for _ in range(2):
            with pytest.raises(NotSent):
                upstream.forward(ORDER)
        assert server.delivered == []
        assert upstream.forward(ORDER).status == 200


def test_an_order_that_was_sent_is_never_sent_to_another_host(make_upstream: MakeUpstream):
    with WireServer(lambda request: Answer(then=Then.RESET)) as bad, WireServer() as good:
        upstream = make_upstream([bad.url, good.url])
        for _ in range(10):
            with pytest.raises(OutcomeUnknown):
                upstream.forward(ORDER)
    assert (len(bad.delivered), len(good.delivered)) == (10, 0)


@pytest.mark.parametrize("max_retries", [0, 2])
def test_our_own_question_is_asked_as_often_as_the_settings_say(
    make_upstream: MakeUpstream, max_retries: int
):
    recovery = Recovery(max_retries, base_delay_s=0.01, max_delay_s=0.02)
    for kind in (Kind.BACKGROUND, Kind.PUBLIC):
        with WireServer(lambda request: ok(status="503 X")) as server:
            with pytest.raises(ReadFailed):
                make_upstream(server.url, recovery=recovery).fetch("/x", 1, kind)
            assert len(server.delivered) == 1 + max_retries


def test_our_own_question_ends_within_the_time_of_one_call(make_upstream: MakeUpstream):
    recovery = Recovery(100, base_delay_s=2.0, max_delay_s=4.0)
    time = StillTime()
    began = time.now()
    with WireServer(lambda request: Answer(then=Then.RESET)) as server:
        with pytest.raises(ReadFailed):
            make_upstream(server.url, recovery=recovery, runtime=time).fetch("/x", 1)
        assert len(server.delivered) > 3
    assert time.now() - began < 20.0


def test_a_question_of_ours_that_was_not_let_go_is_refused_at_once(make_upstream: MakeUpstream):
    recovery = Recovery(3, base_delay_s=1.0, max_delay_s=4.0, failure_threshold=5)
    time = StillTime()
    page = ok(b"<html>blocked</html>", status="403 Forbidden")
    with WireServer(lambda request: page) as server:
        blocked = make_upstream(server.url, recovery=recovery, runtime=time)
        blocked.forward(Call("GET", "/x"))
        server.answer = lambda request: ok(status="503 X")
        broken = make_upstream(server.url, recovery=recovery, runtime=time)
        while not is_open(broken):
            broken.forward(Call("GET", "/x"))
        stopped = make_upstream(server.url, recovery=recovery, runtime=time)
        stopped.close()
        before = len(server.delivered)
        time.slept.clear()
        for upstream in (blocked, broken, stopped):
            for kind in (Kind.PUBLIC, Kind.BACKGROUND):
                with pytest.raises(NotSent):
                    upstream.fetch("/x", 1, kind)
        assert time.slept == []
        assert len(server.delivered) == before


def test_a_question_of_ours_that_could_not_connect_is_asked_again(make_upstream: MakeUpstream):
    recovery = Recovery(3, base_delay_s=0.01, max_delay_s=0.02)
    upstream = make_upstream(nowhere(), recovery=recovery)
    with pytest.raises(NotSent):
        upstream.fetch("/x", 1)
    assert upstream.report()[0].failures == 4


def test_an_answer_that_more_asking_does_not_change_is_asked_for_once(
    make_upstream: MakeUpstream,
):
    recovery = Recovery(3, base_delay_s=0.01, max_delay_s=0.02)
    for status in (400, 403, 418, 429, 451, 500):
        with WireServer(lambda request, status=status: ok(status=f"{status} X")) as server:
            upstream = make_upstream(server.url, recovery=recovery)
            with suppress(ReadFailed, Banned, Throttled):
                upstream.fetch("/x", 1)
            assert len(server.delivered) == 1
