"""What the facts about a market mean for whoever sends requests to it."""

from dataclasses import replace

import pytest

from bpx.feed.feeds import Followed
from bpx.feed.health import Checkup
from bpx.operators.health import Spent, Verdict, Vitals, judge, shown, worst
from bpx.streams.connection import Carried
from bpx.upstream.breaker import State
from bpx.upstream.hosts import Reached

OPEN = Carried("/market", "open", 3, 0, 12.34567, None)
FAILING = Carried("/market", "failing", 3, 10, 0.0, "refused: status 503")
ANSWERS = Reached("https://a", "public", 0, True, None)
BANNED = Spent(6000, 6000, 118.4, 0.0)
WELL = Vitals(
    market="futures",
    is_draining=False,
    streams=(OPEN,),
    feeds={"klines": Followed(2, 1), "depth": Followed(0, 0)},
    listing_age_s=3.0,
    budget=Spent(20, 6000, 0.0, 0.0),
    hosts=(ANSWERS,),
    check=Checkup(5.0, 3, {"resubscribe": 1}),
)
NO_STREAMS = replace(WELL, streams=(), feeds={"klines": Followed(2, 0)})


def test_where_streams_and_rest_work_all_is_well() -> None:
    assert judge(WELL) == Verdict("ok", ())
    assert judge(WELL).is_ready


@pytest.mark.parametrize(
    ("hosts", "budget", "reason"),
    [
        ((replace(ANSWERS, failures=3),), WELL.budget, "REST: 3 failures in a row"),
        ((replace(ANSWERS, has_answered=False),), WELL.budget, "REST: has not answered yet"),
        ((ANSWERS,), BANNED, "REST: Binance wants no request for 118 s"),
        ((ANSWERS,), Spent(1, 2, 0.0, 8.0), "REST: a firewall lets no public read pass for 8 s"),
    ],
)
def test_without_rest_it_is_ready_as_long_as_streams_keep_something_fresh(
    hosts: tuple[Reached, ...], budget: Spent, reason: str
) -> None:
    with_streams = judge(replace(WELL, hosts=hosts, budget=budget))
    assert (with_streams.status, with_streams.reasons) == ("degraded", (reason,))
    without = judge(replace(NO_STREAMS, hosts=hosts, budget=budget))
    assert (without.status, without.reasons) == ("not ready", (reason,))


@pytest.mark.parametrize("state", ["waiting", "connecting", "failing"])
def test_streams_without_a_link_are_missing_also_while_one_is_on_its_way(state: str) -> None:
    verdict = judge(replace(WELL, streams=(Carried("", state, 2, 1, 0.0, "closed"),)))
    assert verdict.reasons == ("streams: 1 failures in a row, closed",)


@pytest.mark.parametrize(
    ("failures", "last_loss", "reason"),
    [
        (0, None, "streams: not connected yet"),
        (0, "closed: 1001", "streams: closed: 1001"),
        (2, None, "streams: 2 failures in a row"),
    ],
)
def test_a_reason_tells_only_what_there_is(
    failures: int, last_loss: str | None, reason: str
) -> None:
    waiting = Carried("", "waiting", 2, failures, 0.0, last_loss)
    assert judge(replace(WELL, streams=(waiting,))).reasons == (reason,)


def test_without_streams_rest_is_enough() -> None:
    waiting = Carried("", "waiting", 2, 4, 0.0, "unreachable: refused")
    verdict = judge(replace(NO_STREAMS, streams=(waiting,)))
    assert verdict.is_ready
    assert verdict.reasons == ("streams: 4 failures in a row, unreachable: refused",)


def test_streams_that_have_failed_too_often_in_a_row_are_not_ready() -> None:
    verdict = judge(replace(WELL, streams=(OPEN, FAILING)))
    assert verdict == Verdict(
        "not ready", ("streams/market: 10 failures in a row, refused: status 503",)
    )


def test_a_connection_that_nobody_needs_is_no_reason() -> None:
    idle = Carried("", "waiting", 0, 1, 0.0, "closed")
    assert judge(replace(WELL, streams=(idle,))).status == "ok"


def test_one_good_host_of_several_is_enough() -> None:
    bad = Reached("https://b", "public", 9, True, None)
    assert judge(replace(NO_STREAMS, hosts=(bad, ANSWERS))).status == "ok"


def test_an_open_breaker_is_a_reason_and_for_public_reads_a_failure() -> None:
    reads = replace(ANSWERS, breaker=State.OPEN)
    orders = Reached("https://a", "trade", 5, True, State.OPEN)
    reason = "REST: the breaker of trade calls to https://a is open"
    assert judge(replace(NO_STREAMS, hosts=(ANSWERS, orders))) == Verdict("degraded", (reason,))
    assert judge(replace(NO_STREAMS, hosts=(reads,))).status == "not ready"


def test_who_drains_is_never_ready() -> None:
    verdict = judge(replace(WELL, is_draining=True))
    assert verdict == Verdict("draining", ("the server has been told to stop",))
    assert not verdict.is_ready


def test_several_markets_are_as_well_as_the_worst_of_them() -> None:
    assert worst([]) == "ok"
    assert worst([Verdict("ok", ()), Verdict("not ready", ()), Verdict("degraded", ())]) == (
        "not ready"
    )


def test_operators_see_every_fact() -> None:
    vitals = replace(WELL, hosts=(replace(ANSWERS, breaker=State.CLOSED),))
    page = shown(vitals, judge(vitals))
    assert page == {
        "status": "ok",
        "reasons": [],
        "streams": [
            {"route": "/market", "state": "open", "streams": 3, "failures": 0, "age_s": 12.346,
             "last_loss": None}
        ],
        "feeds": {"klines": {"count": 2, "fresh": 1}, "depth": {"count": 0, "fresh": 0}},
        "listing_age_s": 3.0,
        "budget": {"used_weight": 20, "weight_limit": 6000, "hold_left_s": 0.0,
                   "blocked_left_s": 0.0},
        "hosts": [{"host": "https://a", "calls": "public", "failures": 0}],
        "breakers": [{"host": "https://a", "calls": "public", "state": "closed"}],
        "check": {"age_s": 5.0, "looked_at": 3, "found": {"resubscribe": 1}},
    }  # fmt: skip
