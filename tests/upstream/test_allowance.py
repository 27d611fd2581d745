import pytest

from bpx.errors import OverBudget, OverShare
from bpx.upstream.allowance import Allowance
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Call, Kind, Reply
from bpx.upstream.weights import LOOKS

AT_MS = 1_795_348_800_000 + 1_000  # a minute is a second old


def allowance(
    capacity: float = 1e6, leak_per_s: float = 1e6, limit: int = 1000, part: float = 1.0
) -> Allowance:
    made = Allowance(LeakyBucket(capacity, leak_per_s), limit, part=part)
    made.ledger.adopt("0", AT_MS)
    return made


def call(client: str = "", weight: int = 10, kind: Kind = Kind.PUBLIC) -> Call:
    return Call("GET", "/x", weight=weight, kind=kind, client=client)


def reply(used: int) -> Reply:
    return Reply(200, (("X-MBX-USED-WEIGHT-1M", str(used)),), b"")


def spend(here: Allowance, client: str, times: int = 1, at_ms: int = AT_MS) -> int:
    """Spend as often as there is something at once; return how often that was."""
    for number in range(times):
        try:
            if here.wait_for(call(client), 0, at_ms) > 0:
                return number
        except OverShare:
            return number
        here.charge(call(client), 0, at_ms)
    return times


def test_whoever_is_alone_may_have_all_that_is_public():
    assert spend(allowance(), "greedy", 1000) == 70


def test_clients_share_the_part_of_the_limit_that_is_ours():
    here = allowance(part=0.5)
    spend(here, "polite")
    assert spend(here, "greedy", 1000) == 17  # half of 35
    assert spend(here, "polite", 1000) == 16


def test_who_is_nobody_has_no_part_and_is_held_to_none():
    here = allowance()
    spend(here, "polite")
    assert spend(here, "", 1000) == 69


def test_a_greedy_client_leaves_the_others_their_part():
    here = allowance()
    for name in "abcd":
        spend(here, name)
    assert spend(here, "greedy", 1000) == 14  # a fifth of 70
    with pytest.raises(OverShare) as caught:
        here.wait_for(call("greedy"), 0, AT_MS)
    assert caught.value.retry_after is not None
    assert 1 <= int(caught.value.retry_after) <= 59
    for name in "abcd":
        assert spend(here, name, 13) == 13


def test_what_the_others_leave_is_anybodys_as_the_minute_goes_by():
    here = allowance()
    for name in "abcd":
        spend(here, name)
    assert spend(here, "greedy", 1000, AT_MS) == 14
    assert 20 < spend(here, "greedy", 1000, AT_MS + 30_000) < 30
    assert spend(here, "greedy", 1000, AT_MS + 57_000) > 20
    assert here.ledger.used(AT_MS + 57_000) <= 700


def test_a_greedy_client_is_refused_where_the_others_would_have_to_wait():
    here = allowance(capacity=100, leak_per_s=1)
    here.charge(call("polite"), 0, AT_MS)
    for _ in range(70):
        here.pour(call("greedy"), 0, 5.0)
        here.charge(call("greedy"), 0, AT_MS)
    here.pour(call("polite"), 0, 5.0)
    for _ in range(9):  # more than its part of 130
        here.charge(call("greedy"), 0, AT_MS)
    with pytest.raises(OverShare) as caught:
        here.pour(call("greedy"), 0, 5.0)
    assert caught.value.retry_after == "13"
    assert here.pour(call("newcomer"), 0, 5.0) == 2


def test_whoever_waits_too_long_is_refused_and_orders_never_wait():
    here = allowance(capacity=10, leak_per_s=1)
    for _ in range(12):
        here.pour(call(), 0, 5.0)
    with pytest.raises(OverBudget):
        here.pour(call(), 0, 5.0)
    assert here.pour(call(kind=Kind.ORDER), 0, 0.0) == 0
    here.take_back(0)
    here.take_back(0)
    assert here.pour(call(), 0, 5.0) == 5


def test_an_unknown_call_costs_what_it_was_seen_to_cost():
    here = allowance()
    unknown = Call("GET", "/new", weight=50, is_unknown=True)
    charge = here.charge(unknown, 0, AT_MS)
    here.learn(unknown, charge, reply(3), 0, AT_MS)
    assert here.weight(unknown) == 3
    assert here.weight(Call("GET", "/other", weight=50, is_unknown=True)) == 50


@pytest.mark.parametrize("limit", [600, 6000])
@pytest.mark.parametrize("part", [1.0, 0.25])
def test_what_others_spend_meanwhile_does_not_shut_an_unknown_path_for_good(
    limit: int, part: float
):
    here = allowance(limit=limit, part=part)
    unknown = Call("GET", "/new", weight=50, is_unknown=True)
    for minute, used in enumerate((limit * 7 // 10 + 3, *[3] * LOOKS)):
        at_ms = AT_MS + minute * 60_000
        if minute:
            here.ledger.adopt("0", at_ms)
        assert here.wait_for(unknown, 0, at_ms) == 0
        charge = here.charge(unknown, 0, at_ms)
        here.learn(unknown, charge, reply(used), 0, at_ms)
    assert here.weight(unknown) == 3
