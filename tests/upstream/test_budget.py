import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from time import monotonic

import pytest

from bpx.errors import Banned, NotSent, OverBudget, OverShare, Throttled
from bpx.state.clock import ExchangeClock
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.budget import Budget
from bpx.upstream.call import Call, Kind, Reply
from tests.runtime import ThreadRuntime
from tests.upstream.times import StillTime
from tests.waiting import eventually

DATE = ("Date", "Sun, 22 Nov 2026 12:00:10 GMT")
DATE_MS = 1_795_348_810_000
WEIGHT = "X-MBX-USED-WEIGHT-1M"


class Patient(threading.Condition):
    """Whoever waits for it does so until told, whatever time-out there is."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(60.0)


def make_budget(
    capacity: float = 1e6,
    leak_per_s: float = 1e6,
    limit: int = 6000,
    runtime: ThreadRuntime | None = None,
) -> Budget:
    bucket = LeakyBucket(capacity, leak_per_s)
    return Budget("spot", runtime or StillTime(), ExchangeClock(), bucket, limit)


def call(kind: Kind, weight: int = 1, target: str = "/") -> Call:
    return Call("GET", target, weight=weight, kind=kind)


def reply(status: int = 200, used: int | None = 0, *headers: tuple[str, str]) -> Reply:
    weight = () if used is None else ((WEIGHT, str(used)),)
    return Reply(status, (DATE, *weight, *headers), b"")


def ask(budget: Budget, answer: Reply, kind: Kind = Kind.PUBLIC) -> None:
    budget.learn(budget.spend(call(kind)), answer)


def test_a_reply_tells_the_exchanges_time():
    clock = ExchangeClock()
    time = StillTime()
    budget = Budget("spot", time, clock, LeakyBucket(10, 10), 6000)
    ask(budget, reply())
    assert clock.at(time.now() + 1.5) == DATE_MS + 1500


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 12:00:10 GMT"])
def test_a_date_that_is_none_is_ignored(date: str):
    budget = make_budget()
    budget.learn(budget.spend(call(Kind.PUBLIC)), Reply(200, (("Date", date),), b""))


@pytest.mark.parametrize("date", ["Mon, 23 Nov 2026 12:00:10 GMT", "Sat, 21 Nov 2026 12:00:10 GMT"])
def test_a_date_that_is_wrong_does_not_begin_another_minute(date: str):
    budget = make_budget(limit=6000)
    ask(budget, reply(200, 4200))
    ask(budget, Reply(200, (("Date", date), (WEIGHT, "1")), b""), Kind.ORDER)
    with pytest.raises(Throttled):
        budget.spend(call(Kind.PUBLIC))


def test_a_spent_budget_is_a_429_in_binances_words_with_the_seconds_to_the_next_minute():
    budget = make_budget(limit=6000)
    ask(budget, reply(200, 4200))
    with pytest.raises(Throttled) as caught:
        budget.spend(call(Kind.PUBLIC))
    assert str(caught.value) == (
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    assert caught.value.retry_after == "50"


def test_a_used_weight_that_may_be_wrong_changes_nothing():
    budget = make_budget(limit=6000)
    ask(budget, reply(200, 20))
    wrong = replace(call(Kind.PUBLIC), tells_weight=False)
    budget.learn(budget.spend(wrong), reply(200, 5999))
    assert budget.spent() == (21, 6000)


def test_what_market_data_has_spent_does_not_keep_orders_back():
    budget = make_budget(limit=6000)
    ask(budget, reply(200, 4200))
    for kind in (Kind.SIGNED, Kind.ORDER, Kind.CANCEL):
        budget.spend(call(kind))


def test_cancels_go_when_orders_go_no_more():
    budget = make_budget(limit=6000)
    ask(budget, reply(200, 5700))
    with pytest.raises(Throttled):
        budget.spend(call(Kind.ORDER))
    budget.spend(call(Kind.CANCEL))


def test_orders_never_wait_in_the_bucket():
    budget = make_budget(capacity=1, leak_per_s=0.001)
    budget.spend(call(Kind.CANCEL))
    with pytest.raises(Throttled):
        budget.spend(call(Kind.PUBLIC))
    for _ in range(100):
        budget.spend(call(Kind.ORDER, weight=0))


def test_a_request_waits_for_its_turn_and_no_longer():
    budget = make_budget(capacity=10, leak_per_s=50, runtime=ThreadRuntime())
    began = monotonic()
    for _ in range(12):  # 7 at once, being 70 % of the bucket, then one each 20 ms
        budget.spend(call(Kind.PUBLIC, weight=0))
    assert 0.09 < monotonic() - began < 10


@pytest.mark.parametrize("scarce", ["requests", "weight"])
def test_a_call_waits_no_longer_than_it_has_time(scarce: str):
    is_weight = scarce == "weight"
    runtime = ThreadRuntime()
    budget = make_budget(1e6 if is_weight else 1, leak_per_s=0.3, limit=100, runtime=runtime)
    if is_weight:
        budget.spend(call(Kind.BACKGROUND, weight=20))  # its reply is to tell what is used
    else:
        budget.spend(call(Kind.CANCEL, weight=0))
    began = monotonic()
    with pytest.raises(OverBudget):
        budget.spend(call(Kind.PUBLIC, weight=30), until=began + 0.3)
    assert monotonic() - began < Kind.PUBLIC.wait_s - 1


def test_a_call_whose_time_is_over_does_not_wait_and_goes_if_it_need_not():
    budget = make_budget(capacity=10, leak_per_s=1.0)
    for _ in range(7):
        budget.spend(call(Kind.PUBLIC, weight=0), until=99.0)  # it is 100
    with pytest.raises(OverBudget):
        budget.spend(call(Kind.PUBLIC, weight=0), until=99.0)


@pytest.mark.parametrize(
    ("target", "fits"), [("/?recvWindow=60000", True), ("/?recvWindow=200", False)]
)
def test_a_signed_call_does_not_outlive_its_window(target: str, fits: bool):
    runtime = ThreadRuntime() if fits else None  # time goes on only for who may wait
    budget = make_budget(capacity=10, leak_per_s=5, runtime=runtime)  # the next turn: in 100 ms
    for _ in range(8):
        budget.spend(call(Kind.CANCEL, weight=0))
    if fits:
        budget.spend(call(Kind.SIGNED, weight=0, target=target))
    else:
        with pytest.raises(Throttled):
            budget.spend(call(Kind.SIGNED, weight=0, target=target))


def test_a_hold_refuses_everything_orders_included():
    budget = make_budget()
    ask(budget, reply(418, 6001, ("Retry-After", "120")))
    for kind in Kind:
        with pytest.raises(Banned) as caught:
            budget.spend(call(kind))
        assert caught.value.retry_after == "120"
    assert budget.hold_left_s() == 120
    with pytest.raises(Banned):
        budget.refuse(Kind.CANCEL)


def test_a_hold_reaches_those_who_wait_already():
    budget = make_budget(capacity=1, leak_per_s=0.5)
    budget._changed = Patient()
    first = budget.spend(call(Kind.CANCEL))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(budget.spend, call(Kind.PUBLIC))
        eventually(lambda: bool(budget._changed._waiters))  # type: ignore[attr-defined]
        budget.learn(first, reply(429, None, ("Retry-After", "7")))
        error = waiting.exception(20)
    assert isinstance(error, Throttled)
    assert error.retry_after == "7"


def test_the_end_reaches_those_who_wait_already_and_nobody_waits_after_it():
    budget = make_budget(capacity=1, leak_per_s=0.5)
    budget._changed = Patient()
    budget.spend(call(Kind.CANCEL))
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(budget.spend, call(Kind.BACKGROUND))
        eventually(lambda: bool(budget._changed._waiters))  # type: ignore[attr-defined]
        budget.close()
        late = pool.submit(budget.spend, call(Kind.BACKGROUND))
        errors = [one.exception(20) for one in (waiting, late)]
    assert [type(error) for error in errors] == [NotSent, NotSent]


def test_a_firewall_reaches_those_who_wait_already_and_at_once():
    budget = make_budget(capacity=1, leak_per_s=0.5)
    budget._changed = Patient()
    first = budget.spend(call(Kind.CANCEL))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(budget.spend, call(Kind.PUBLIC))
        eventually(lambda: bool(budget._changed._waiters))  # type: ignore[attr-defined]
        budget.learn(first, replace(reply(403), body=b"<html>", decoded=b"<html>"))
        error = waiting.exception(20)
    assert isinstance(error, NotSent)
    assert error.retry_after == "10"
    with pytest.raises(NotSent):
        budget.refuse(Kind.BACKGROUND)
    for kind in (Kind.SIGNED, Kind.ORDER, Kind.CANCEL, Kind.PROBE):
        budget.refuse(kind)


def test_too_many_orders_of_one_account_hold_nobody_else():
    budget = make_budget()
    words = b'{"code":-1015,"msg":"Too many new orders."}'
    ask(budget, replace(reply(429), body=words, decoded=words), Kind.ORDER)
    assert budget.hold_left_s() == 0


def test_who_waits_for_the_first_reply_goes_when_it_comes():
    budget = make_budget(limit=100)
    budget._changed = Patient()
    first = budget.spend(call(Kind.BACKGROUND, weight=20))
    gone = threading.Event()

    def wait() -> None:
        budget.spend(call(Kind.BACKGROUND, weight=20))
        gone.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: bool(budget._changed._waiters))  # type: ignore[attr-defined]
    assert not gone.is_set(), "half is taken for spent, and one is out to find out"
    budget.learn(first, reply(200, 20))
    eventually(gone.is_set)
    waiting.join(20)


def test_who_got_no_reply_does_not_keep_the_next_from_asking():
    budget = make_budget(limit=100)
    for _ in range(10):
        budget.give_up(budget.spend(call(Kind.BACKGROUND, weight=20)), was_sent=False)
    for _ in range(10):
        budget.give_up(budget.spend(call(Kind.BACKGROUND, weight=20)), was_sent=True)


def test_what_did_not_go_takes_nothing_from_the_others():
    budget = make_budget(capacity=10, leak_per_s=0.001, limit=1000)
    ask(budget, reply(200, 0), Kind.CANCEL)
    greedy = replace(call(Kind.PUBLIC, weight=10), client="10.0.0.1")
    polite = replace(greedy, client="10.0.0.2")
    budget.spend(polite)
    for _ in range(60):
        budget.give_up(budget.spend(greedy), was_sent=False)
        budget.give_up(budget.spend(call(Kind.ORDER)), was_sent=False)
    for _ in range(4):
        budget.give_up(budget.spend(greedy), was_sent=True)
    budget.spend(polite)
    with pytest.raises(OverBudget):
        budget.spend(polite)


def test_a_probe_that_gets_no_reply_is_followed_by_another():
    now = [0.0]
    runtime = ThreadRuntime()
    runtime.now = lambda: now[0]  # type: ignore[method-assign]
    budget = Budget("spot", runtime, ExchangeClock(), LeakyBucket(10, 10), 6000)
    ask(budget, reply(429, None, ("Retry-After", "7")))
    now[0] = 7.0
    with pytest.raises(Throttled):
        budget.spend(call(Kind.ORDER))  # it is no probe, and must not become one
    probe = budget.spend(call(Kind.PROBE))
    with pytest.raises(Throttled):
        budget.spend(call(Kind.PUBLIC))
    budget.give_up(probe, was_sent=True)
    ask(budget, reply(), Kind.PROBE)
    budget.spend(call(Kind.PUBLIC))


def test_a_successful_order_is_given_back_and_the_header_tells():
    budget = make_budget(limit=100)
    for _ in range(500):
        ask(budget, reply(200, 3), Kind.ORDER)
    for _ in range(92):
        ask(budget, reply(400, 3), Kind.ORDER)
    with pytest.raises(Throttled):
        budget.spend(call(Kind.ORDER))


def test_the_limit_of_the_day_is_adopted_and_told():
    budget = make_budget(limit=6000)
    ask(budget, reply(200, 2000))
    budget.adopt_limit(2400)
    with pytest.raises(Throttled, match="current limit is 2400 request"):
        budget.spend(call(Kind.PUBLIC))


def test_what_is_refused_for_its_weight_takes_no_request_from_the_others():
    budget = make_budget(capacity=100, leak_per_s=0.01, limit=6000)
    ask(budget, reply(200, 4200))
    for _ in range(200):
        with pytest.raises(OverBudget):
            budget.spend(call(Kind.PUBLIC))
    budget.spend(call(Kind.SIGNED))


def test_a_hold_is_logged_once_however_many_are_told(caplog: pytest.LogCaptureFixture):
    budget = make_budget()
    passages = [budget.spend(call(Kind.PUBLIC)) for _ in range(20)]
    for passage in passages:
        budget.learn(passage, reply(429, None, ("Retry-After", "7")))
    assert caplog.messages == ["spot: Binance said 429: no call for 7 s"]


def test_a_client_that_has_had_its_share_is_refused_and_the_others_are_not():
    budget = make_budget(limit=1000)
    ask(budget, reply(200, 0))
    for client in ("10.0.0.2", "10.0.0.3"):
        budget.spend(replace(call(Kind.PUBLIC), client=client))
    greedy = replace(call(Kind.PUBLIC, weight=10), client="10.0.0.1")
    for _ in range(30):
        with suppress(OverShare):
            budget.spend(greedy)
    with pytest.raises(OverShare) as caught:
        budget.spend(greedy)
    assert (caught.value.status, caught.value.proxy_error) == (429, "client-limit")
    budget.spend(replace(greedy, client="10.0.0.2"))
