from concurrent.futures import ThreadPoolExecutor
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
from bpx.upstream.call import Call, Kind
from bpx.upstream.retry import Recovery
from tests.upstream.conftest import MakeUpstream
from tests.upstream.wire_server import Answer, Delivered, Then, WireServer, ok
from tests.waiting import eventually

BREAKER = Recovery(failure_threshold=5)
ORDER = Call("POST", "/order", kind=Kind.ORDER)
CANCEL = Call("DELETE", "/order", kind=Kind.CANCEL)


def nowhere() -> str:
    with WireServer() as gone:
        return gone.url


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
    with WireServer(lambda request: Answer(then=Then.RESET)) as server:
        with pytest.raises(ReadFailed):
            make_upstream(server.url).forward(Call("GET", "/x"), began=monotonic() - 1.9)
        assert len(server.delivered) == 1
        with pytest.raises(ReadTimedOut):
            make_upstream(server.url).forward(Call("GET", "/x"), began=monotonic() - 2.1)
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
    began = monotonic()
    with pytest.raises(NotSent):
        make_upstream(nowhere()).forward(call)
    assert monotonic() - began < 0.5
    before = retries(call.kind.name.lower())
    with pytest.raises(NotSent):
        make_upstream(nowhere()).forward(call)
    assert retries(call.kind.name.lower()) == before + 1
    with pytest.raises(NotSent):
        make_upstream(nowhere()).forward(call, began=monotonic() - 1.0)
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
    clock = ExchangeClock()
    clock.observe(1_000_000, monotonic())
    before = retries("signed")
    with pytest.raises(NotSent):
        make_upstream(nowhere(), clock=clock).forward(Call("GET", target, kind=Kind.SIGNED))
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


def test_a_hold_is_for_all_hosts(make_upstream: MakeUpstream):
    refusal = ok(headers="Retry-After: 7\r\n", status="429 X")
    with WireServer(lambda request: refusal) as first, WireServer() as second:
        upstream = make_upstream([first.url, second.url])
        assert upstream.forward(Call("GET", "/x")).status == 429
        for kind in Kind:
            with pytest.raises(Throttled):
                upstream.forward(Call("GET", "/x", kind=kind))
    assert (len(first.delivered), len(second.delivered)) == (1, 0)


def held(upstream_url: str, server: WireServer, make_upstream: MakeUpstream) -> object:
    server.answer = lambda request: ok(headers="Retry-After: 1\r\n", status="418 X")
    upstream = make_upstream(upstream_url)
    upstream.forward(Call("GET", "/x"))
    eventually(lambda: upstream.budget.hold_left_s() == 0)
    return upstream


def test_after_a_hold_a_cheap_probe_goes_first(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = held(server.url, server, make_upstream)
        server.answer = lambda request: ok()
        for _ in range(2):
            upstream.forward(ORDER)  # type: ignore[attr-defined]
    targets = [request.target for request in server.delivered]
    assert targets == [b"/x", b"/api/v3/ping", b"/order", b"/order"]


def test_a_probe_that_is_refused_holds_again(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = held(server.url, server, make_upstream)
        server.answer = lambda request: ok(headers="Retry-After: 30\r\n", status="418 X")
        for _ in range(3):
            with pytest.raises(Banned) as caught:
                upstream.forward(ORDER)  # type: ignore[attr-defined]
    assert caught.value.retry_after == "30"
    assert [request.target for request in server.delivered] == [b"/x", b"/api/v3/ping"]


def test_a_probe_without_an_answer_keeps_the_order_back(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = held(server.url, server, make_upstream)
        server.answer = lambda request: Answer(then=Then.RESET)
        with pytest.raises(NotSent):
            upstream.forward(ORDER)  # type: ignore[attr-defined]
        server.answer = lambda request: ok()
        assert upstream.forward(ORDER).status == 200  # type: ignore[attr-defined]
    assert [request.method for request in server.delivered] == [b"GET", b"GET", b"GET", b"POST"]


def test_a_firewalls_403_keeps_public_reads_back_and_nothing_else(make_upstream: MakeUpstream):
    page = ok(b"<html>blocked</html>", status="403 Forbidden")
    with WireServer(lambda request: page) as server:
        upstream = make_upstream(server.url)
        assert upstream.forward(Call("GET", "/x")).status == 403
        for kind in (Kind.PUBLIC, Kind.BACKGROUND):
            with pytest.raises(NotSent) as caught:
                upstream.forward(Call("GET", "/x", kind=kind))
            assert caught.value.retry_after == "10"
        assert 9 < upstream.budget.blocked_left_s() <= 10
        assert len(server.delivered) == 1
        server.answer = lambda request: ok()
        for kind in (Kind.SIGNED, Kind.ORDER, Kind.CANCEL):
            assert upstream.forward(Call("GET", "/x", kind=kind)).status == 200


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
        upstream = make_upstream(server.url, recovery=BREAKER)
        while len(server.delivered) < 5:
            upstream.forward(Call("GET", "/x", kind=kind))
        before = len(server.delivered)
        if opens:
            began = monotonic()
            with pytest.raises(NotSent) as caught:
                upstream.forward(Call("GET", "/x", kind=kind))
            assert monotonic() - began < 0.005
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
    upstream = make_upstream(nowhere(), recovery=BREAKER)
    with ThreadPoolExecutor(1) as pool:
        reasons = [
            getattr(pool.submit(upstream.forward, call).exception(5), "reason", "")
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
    recovery = Recovery(100, base_delay_s=0.2, max_delay_s=0.4)
    began = monotonic()
    with WireServer(lambda request: Answer(then=Then.RESET)) as server:
        with pytest.raises(ReadFailed):
            make_upstream(server.url, recovery=recovery).fetch("/x", 1)
        assert len(server.delivered) > 3
    assert monotonic() - began < 2.2


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
