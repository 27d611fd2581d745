from copy import deepcopy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bpx.upstream.ledger import Charge, WeightLedger

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


def test_of_a_part_of_the_limit_each_kind_may_have_its_own_share():
    ledger = WeightLedger(6000, part=0.25)
    ledger.adopt("0", T)
    ledger.charge(1040, T)
    assert ledger.wait_for(10, 0.7, T + 15_000) == 0
    assert ledger.wait_for(11, 0.7, T + 15_000) == 45
    assert ledger.wait_for(235, 0.85, T + 15_000) == 0


def test_what_others_spend_takes_nothing_of_our_part_but_counts_against_the_limit():
    ledger = WeightLedger(6000, part=0.25)
    ledger.adopt("3000", T)
    assert ledger.wait_for(1050, 0.7, T + 15_000) == 0
    ledger.adopt("4190", T)
    assert ledger.wait_for(10, 0.7, T + 15_000) == 0
    assert ledger.wait_for(11, 0.7, T + 15_000) == 45


def test_a_part_is_of_the_limit_of_the_day():
    ledger = WeightLedger(6000, part=0.25)
    ledger.adopt("0", T)
    ledger.limit = 2400
    assert ledger.wait_for(600, 1.0, T + 15_000) == 0
    assert ledger.wait_for(601, 1.0, T + 15_000) == 45


def test_a_minutes_first_second_has_no_room_for_more_than_our_part():
    ledger = WeightLedger(6000, part=0.25)
    ledger.adopt("0", T)
    ledger.settle(ledger.charge(1400, T))
    assert ledger.wait_for(100, 1.0, T + MINUTE) == 0
    assert ledger.wait_for(101, 1.0, T + MINUTE + 200) == 0.8
    assert ledger.wait_for(1500, 1.0, T + MINUTE + 1000) == 0


def test_what_did_not_go_is_given_back_to_our_part():
    ledger = WeightLedger(6000, part=0.25)
    ledger.adopt("0", T)
    ledger.settle(ledger.charge(1500, T), was_counted=False)
    assert ledger.wait_for(1500, 1.0, T) == 0


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


def test_what_is_on_its_way_at_the_edge_is_added_to_what_a_header_says(ledger: WeightLedger):
    late = ledger.charge(2500, T + 59_500)
    ledger.adopt("5000", T + 59_600)
    assert ledger.used(T + 59_600) == 7500
    ledger.settle(late, was_counted=False)
    assert ledger.used(T + 59_600) == 5000
    assert ledger.used(T + MINUTE) == 0


def test_what_is_given_back_never_goes_below_what_binance_has_counted(ledger: WeightLedger):
    late = ledger.charge(250, T + 59_500)
    ledger.adopt("3000", T + 59_600)
    ledger.settle(late, was_counted=False)
    assert ledger.used(T + 59_600) == 3000


def test_what_was_sent_at_the_edge_is_on_its_way_in_the_new_minute(ledger: WeightLedger):
    late = ledger.charge(250, T + 59_500)
    ledger.adopt("40", T + MINUTE + 100)
    assert ledger.used(T + MINUTE + 100) == 290, "it may be counted yet"
    ledger.settle(late)
    ledger.adopt("60", T + MINUTE + 200)
    assert ledger.used(T + MINUTE + 200) == 290
    assert ledger.used(T + 2 * MINUTE) == 0


def test_what_is_given_back_of_an_old_minute_takes_nothing_from_the_new_one(ledger: WeightLedger):
    late = ledger.charge(900, T + 59_500)
    ledger.settle(ledger.charge(100, T + MINUTE + 59_500))
    ledger.settle(late, was_counted=False)
    assert ledger.used(T + MINUTE + 59_600) == 100
    assert ledger.used(T + 2 * MINUTE) == 100, "sent in the last second"
    assert ledger.wait_for(5901, 1.0, T + 2 * MINUTE) > 0


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


LIMIT = 100


class LedgerMachine(RuleBasedStateMachine):
    """An exchange that counts what arrives in its own minute, and a ledger whose clock lags.

    A request takes up to half a second to arrive, and our clock is up to half a second late.
    """

    @initialize(lag_ms=st.integers(0, 500), start_ms=st.integers(0, MINUTE))
    def begin(self, lag_ms: int, start_ms: int) -> None:
        self.ledger = WeightLedger(LIMIT)
        self.lag_ms = lag_ms
        self.at_ms = T + start_ms  # the exchange's
        self.counted: dict[int, int] = {}
        self.under_way: list[tuple[int, int, Charge]] = []  # when it arrives, weight, charge
        self.answered: list[tuple[int, int, Charge]] = []  # when and what was counted, charge
        self.ledger.adopt("0", self.at_ms)

    @rule(before_ms=st.integers(1, 1_500))
    def come_to_the_edge(self, before_ms: int) -> None:
        self.wait((-self.at_ms - before_ms) % MINUTE + 1)

    @rule(ms=st.one_of(st.integers(1, 700), st.integers(700, 70_000)))
    def wait(self, ms: int) -> None:
        if ms > 5_000:  # nobody waits for an answer for ever
            self.wait(501)
            while self.answered:
                self._hear(0)
        self.at_ms += ms
        for arrives_ms, weight, charge in sorted(self.under_way, key=lambda one: one[0]):
            if arrives_ms <= self.at_ms:
                minute = arrives_ms // MINUTE
                self.counted[minute] = self.counted.get(minute, 0) + weight
                self.answered.append((arrives_ms, self.counted[minute], charge))
        self.under_way = [one for one in self.under_way if one[0] > self.at_ms]

    @rule(
        weight=st.sampled_from([1, 5, 20, 50]),
        share=st.sampled_from([0.5, 0.7, 1.0]),
        delay_ms=st.integers(0, 500),
    )
    def send(self, weight: int, share: float, delay_ms: int) -> None:
        ours_ms = self.at_ms - self.lag_ms
        if self.ledger.wait_for(weight, share, ours_ms) == 0:
            spent = self.counted.get(self.at_ms // MINUTE, 0) + self._open_weight()
            assert spent + weight <= LIMIT * share, "it is more than its class may have"
            charge = self.ledger.charge(weight, ours_ms)
            self.under_way.append((self.at_ms + delay_ms, weight, charge))

    @rule(data=st.data())
    def connection_fails(self, data: st.DataObject) -> None:
        if self.under_way:
            place = data.draw(st.integers(0, len(self.under_way) - 1))
            *_, charge = self.under_way.pop(place)
            self.ledger.settle(charge, was_counted=False)

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        if self.answered:
            self._hear(data.draw(st.integers(0, len(self.answered) - 1)))

    def _hear(self, place: int) -> None:
        dated_ms, counted, charge = self.answered.pop(place)
        self.ledger.settle(charge)
        self.ledger.adopt(str(counted), dated_ms // 1000 * 1000)

    @invariant()
    def nothing_is_overspent(self) -> None:
        assert all(weight <= LIMIT for weight in self.counted.values())

    @invariant()
    def what_is_under_way_is_counted(self) -> None:
        assert self.ledger.used(self.at_ms - self.lag_ms) >= self._open_weight()

    @invariant()
    def nothing_is_spent_for_ever(self) -> None:
        """What has failed or was answered is forgotten with its minute, but for its last second."""
        if not self.under_way and not self.answered:
            assert deepcopy(self.ledger).used(self.at_ms + 3 * MINUTE) == 0

    def _open_weight(self) -> int:
        return sum(weight for _, weight, _ in self.under_way)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_the_part_of_the_minute_that_is_left_is_all_of_it_while_the_time_is_not_known():
    ledger = WeightLedger(6000)
    assert ledger.minute_left(None) == 1.0
    assert ledger.minute_left(60_000) == 1.0
    assert ledger.minute_left(105_000) == 0.25
