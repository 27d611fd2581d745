import pytest

from bpx.upstream.ledger import WeightLedger

MINUTE = 60_000
T = 29_000_000 * MINUTE  # the first ms of a minute


@pytest.fixture
def ledger() -> WeightLedger:
    """A ledger of 6000 that has seen a reply, so that nothing is assumed any more."""
    ledger = WeightLedger(6000)
    ledger.adopt("0", T)
    return ledger


def test_weight_is_charged_before_the_call_goes(ledger: WeightLedger):
    ledger.charge(20, T)
    assert ledger.used(T) == 20


@pytest.mark.parametrize(
    ("share", "most"), [(1.0, 6000), (0.95, 5700), (0.85, 5100), (0.7, 4200), (0.5, 3000)]
)
def test_each_kind_stops_at_its_own_ceiling(ledger: WeightLedger, share: float, most: int):
    ledger.charge(most - 10, T)
    assert ledger.wait_for(10, share, T + 15_000) == 0
    assert ledger.wait_for(11, share, T + 15_000) == 45


def test_a_new_minute_begins_empty(ledger: WeightLedger):
    ledger.settle(ledger.charge(6000, T))
    assert ledger.wait_for(1, 1.0, T + 59_000) == 1
    assert ledger.wait_for(6000, 1.0, T + MINUTE + 1000) == 0


def test_a_minutes_first_second_takes_only_what_the_one_before_had_room_for(
    ledger: WeightLedger,
):
    ledger.settle(ledger.charge(5000, T))
    assert ledger.wait_for(1000, 1.0, T + MINUTE) == 0
    assert ledger.wait_for(1001, 1.0, T + MINUTE + 200) == 0.8
    ledger.settle(ledger.charge(1000, T + MINUTE + 200))
    assert ledger.wait_for(1, 1.0, T + MINUTE + 200) == 0.8
    assert ledger.wait_for(5000, 1.0, T + MINUTE + 1000) == 0


def test_what_a_call_has_cost_is_seen_where_nothing_else_was_on_its_way(ledger: WeightLedger):
    charge = ledger.charge(50, T)
    ledger.settle(charge)
    ledger.adopt("7", T)
    assert ledger.measured(charge) == 7


@pytest.mark.parametrize("others", [-1, 0, 1])
def test_what_others_may_have_cost_is_not_taken_for_it(ledger: WeightLedger, others: int):
    first = ledger.charge(50, T)
    second = ledger.charge(50, T)
    ledger.settle(second)
    ledger.adopt(str(100 + others), T)
    assert ledger.measured(first) is None
    assert ledger.measured(second) is None


def test_what_a_call_has_cost_is_not_seen_across_minutes(ledger: WeightLedger):
    charge = ledger.charge(50, T + 1000)
    ledger.settle(charge)
    ledger.adopt("7", T + MINUTE)
    assert ledger.measured(charge) is None


def test_a_call_cannot_have_cost_less_than_nothing(ledger: WeightLedger):
    ledger.adopt("100", T)
    charge = ledger.charge(50, T)
    ledger.settle(charge)
    ledger.adopt("90", T)
    assert ledger.measured(charge) is None


def test_what_is_on_its_way_counts_in_the_new_minute(ledger: WeightLedger):
    charge = ledger.charge(100, T + 30_000)
    assert ledger.used(T + MINUTE) == 100
    ledger.settle(charge)
    assert ledger.used(T + 2 * MINUTE) == 0


def test_what_was_sent_in_the_last_second_counts_in_the_new_minute_too(ledger: WeightLedger):
    ledger.settle(ledger.charge(100, T + 59_000))
    assert ledger.used(T + MINUTE) == 100
    assert ledger.used(T + 2 * MINUTE) == 0


def test_a_header_raises_the_spending(ledger: WeightLedger):
    ledger.settle(ledger.charge(10, T))
    assert ledger.adopt("4200", T + 1000)
    assert ledger.used(T + 1000) == 4200


def test_a_lower_header_never_lowers_it(ledger: WeightLedger):
    ledger.adopt("4200", T + 1000)
    ledger.adopt("30", T + 2000)
    assert ledger.used(T + 2000) == 4200


def test_calls_on_their_way_are_added_to_what_a_header_says(ledger: WeightLedger):
    ledger.charge(80, T)
    ledger.adopt("1000", T + 1000)
    assert ledger.used(T + 1000) == 1080


def test_a_late_header_of_an_old_minute_is_ignored(ledger: WeightLedger):
    ledger.charge(1, T + MINUTE)
    assert not ledger.adopt("5900", T + MINUTE - 1000)
    assert ledger.used(T + MINUTE) == 1


def test_a_header_of_the_next_minute_begins_it(ledger: WeightLedger):
    ledger.settle(ledger.charge(5000, T))
    assert ledger.adopt("7", T + MINUTE)
    assert ledger.used(T + MINUTE - 1) == 7, "our clock lags, and Binance is in its next minute"


@pytest.mark.parametrize("header", [None, "-1", "", "abc", "1.5", "²", "9" * 5000])
def test_a_header_that_says_nothing_is_ignored(ledger: WeightLedger, header: str | None):
    assert not ledger.adopt(header, T)
    assert ledger.used(T) == 0


def test_a_call_that_was_not_sent_is_given_back(ledger: WeightLedger):
    ledger.settle(ledger.charge(20, T), was_counted=False)
    ledger.settle(ledger.charge(20, T + 59_500), was_counted=False)
    assert ledger.used(T + 59_500) == 0
    assert ledger.used(T + MINUTE) == 0


def test_the_limit_of_the_day_holds_at_once(ledger: WeightLedger):
    ledger.charge(2000, T)
    ledger.limit = 2400
    assert ledger.wait_for(1, 0.7, T) == 60


def test_at_the_start_half_is_taken_for_spent():
    ledger = WeightLedger(6000)
    ledger.charge(1200, T)
    assert ledger.wait_for(1, 0.7, T) == 60
    assert ledger.wait_for(1, 0.85, T) == 0


def test_the_first_reply_tells_instead():
    ledger = WeightLedger(6000)
    ledger.settle(ledger.charge(1200, T))
    ledger.adopt("1300", T)
    assert ledger.used(T) == 1300


def test_a_whole_minute_without_replies_ends_the_assumption():
    ledger = WeightLedger(6000)
    assert ledger.used(T) == 3000
    assert ledger.used(T + MINUTE) == 0


def test_before_anything_is_known_one_call_at_a_time_goes_to_find_out():
    ledger = WeightLedger(100)
    assert ledger.wait_for(20, 0.5, None) == 0
    charge = ledger.charge(20, None)
    assert ledger.wait_for(20, 0.5, None) == 1
    ledger.settle(charge)
    assert ledger.wait_for(20, 0.5, None) == 0


def test_a_clock_that_was_set_back_begins_a_new_minute(ledger: WeightLedger):
    ledger.settle(ledger.charge(6000, T))
    assert ledger.used(T - 60 * MINUTE) == 0
