import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bpx.errors import Banned, NotSent, RequestFailed, Throttled
from bpx.upstream.call import Kind
from bpx.upstream.hold import Block, Hold
from bpx.upstream.refusal import Refusal

T_MS = 1_800_000_000_000  # a whole minute
BANNED = (
    b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1800000090000. '
    b'Please use WebSocket Streams for live updates to avoid bans."}'
)
TOO_MANY = b'{"code":-1003,"msg":"Too many requests; current limit of IP(1.2.3.4) is 2400."}'


def refused(hold: Hold, now: float) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        hold.admit(now)
    return caught.value


def test_nothing_goes_during_a_hold_and_everybody_hears_the_seconds_that_are_left():
    hold = Hold("limit")
    hold.start(Refusal(429, -1003, "Too many requests.", 7), now=100)
    error = refused(hold, now=100)
    assert isinstance(error, Throttled)
    assert (error.status, error.code, str(error)) == (429, -1003, "Too many requests.")
    assert [refused(hold, now).retry_after for now in (100, 103.2, 106.9)] == ["7", "4", "1"]


def test_a_ban_is_passed_on_as_a_ban():
    hold = Hold("limit")
    hold.start(Refusal(418, -1003, "IP banned until 1800000090000.", 90), now=0)
    error = refused(hold, now=1)
    assert isinstance(error, Banned)
    assert (error.status, str(error)) == (418, "IP banned until 1800000090000.")


def test_without_words_of_binance_ours_are_like_them():
    hold = Hold("current limit is 6000")
    hold.start(Refusal(429, -1003, None, 7), now=0)
    assert str(refused(hold, now=0)) == "current limit is 6000"
    hold.start(Refusal(418, -1003, None, 120), now=0)
    assert "IP banned" in str(refused(hold, now=0))


def test_after_a_hold_one_call_is_the_probe_and_the_others_wait():
    hold = Hold("limit")
    hold.start(Refusal(429, -1003, None, 7), now=0)
    assert hold.admit(now=7)
    assert refused(hold, now=7).retry_after == "1"
    hold.end_probe(now=8, was_answered=True)
    assert not hold.admit(now=8)


def test_a_probe_without_an_answer_is_followed_by_another():
    hold = Hold("limit")
    hold.start(Refusal(429, -1003, None, 7), now=0)
    hold.admit(now=7)
    hold.end_probe(now=8, was_answered=False)
    assert hold.admit(now=8)


def test_a_probe_that_is_refused_holds_again():
    hold = Hold("limit")
    hold.start(Refusal(429, -1003, None, 7), now=0)
    hold.admit(now=7)
    hold.end_probe(now=8, was_answered=False)
    hold.start(Refusal(418, -1003, None, 120), now=8)
    assert refused(hold, now=8).retry_after == "120"


def test_a_late_refusal_prolongs_a_hold_and_never_shortens_it():
    hold = Hold("limit")
    hold.start(Refusal(418, -1003, None, 120), now=0)
    hold.start(Refusal(429, -1003, None, 7), now=1)
    assert (refused(hold, now=2).status, hold.seconds_left(now=2)) == (418, 118)


def test_a_probe_cannot_lift_a_hold_that_began_after_it_went():
    hold = Hold("limit")
    hold.start(Refusal(429, -1003, None, 7), now=0)
    hold.admit(now=7)
    hold.start(Refusal(429, -1003, None, 30), now=8)
    hold.end_probe(now=9, was_answered=True)
    assert hold.seconds_left(now=9) == 29


class HoldMachine(RuleBasedStateMachine):
    """A hold, and what Binance has said: when the longest of its refusals ends."""

    @initialize()
    def begin(self) -> None:
        self.hold = Hold("limit")
        self.now = 0.0
        self.until = 0.0  # of the longest refusal
        self.is_proved = True  # an answer came after it
        self.is_probing = False

    @rule(seconds=st.floats(0.01, 200))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(status=st.sampled_from([429, 418]), seconds=st.floats(1, 150))
    def hear_a_refusal(self, status: int, seconds: float) -> None:
        self.hold.start(Refusal(status, -1003, None, seconds), self.now)
        self.until = max(self.until, self.now + seconds)
        self.is_proved = False

    @rule()
    def call(self) -> None:
        is_free = self.now >= self.until and not self.is_probing
        try:
            is_probe = self.hold.admit(self.now)
        except RequestFailed:
            assert not is_free
        else:
            assert is_free or self.is_proved
            assert is_probe is not self.is_proved, "after a hold the first call is the probe"
            self.is_probing = is_probe

    @rule(was_answered=st.booleans())
    def end_the_probe(self, was_answered: bool) -> None:
        if self.is_probing:
            self.hold.end_probe(self.now, was_answered=was_answered)
            self.is_probing = False
            self.is_proved = self.is_proved or (was_answered and self.now >= self.until)

    @invariant()
    def it_says_how_long(self) -> None:
        left_s = self.hold.seconds_left(self.now)
        if self.now < self.until:
            assert abs(left_s - (self.until - self.now)) < 1e-6
        else:
            assert left_s <= 1.0
        assert self.hold.needs_probe(self.now) is (
            not self.is_proved and self.now >= self.until and not self.is_probing
        )


TestHoldMachine = HoldMachine.TestCase
TestHoldMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


def test_a_firewall_holds_back_public_reads_alone_and_for_ten_seconds():
    block = Block()
    for kind in Kind:
        block.refuse(kind, 100)
    block.start(100)
    for kind in (Kind.PUBLIC, Kind.BACKGROUND):
        with pytest.raises(NotSent) as caught:
            block.refuse(kind, 103)
        assert caught.value.retry_after == "7"
    for kind in (Kind.PROBE, Kind.SIGNED, Kind.ORDER, Kind.CANCEL):
        block.refuse(kind, 103)
    block.refuse(Kind.PUBLIC, 110)
    assert (block.seconds_left(103), block.seconds_left(110)) == (7, 0)
