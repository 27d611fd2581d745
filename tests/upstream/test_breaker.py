import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.upstream.breaker import Breaker, Permit, State


def told(breaker: Breaker, outcomes: str, now: float = 0.0) -> Breaker:
    """Let calls go one by one: F fails, S succeeds, and - tells nothing."""
    for outcome in outcomes:
        permit = breaker.admit(now)
        assert permit is not None
        breaker.end(permit, now, {"F": True, "S": False, "-": None}[outcome])
    return breaker


def opened(now: float = 0.0) -> Breaker:
    return told(Breaker(5), "FFFFF", now)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("FFF", State.CLOSED),
        ("FFFF", State.CLOSED),
        ("FFFFF", State.OPEN),
        ("SSSSSFFFFF", State.OPEN),
        ("SSSSSSFFFFF", State.CLOSED),
        ("SSSSSSFFFFFF", State.OPEN),
        ("-----FFFF", State.CLOSED),
        ("FSF---SSFSFSS" * 10, State.CLOSED),
    ],
)
def test_it_opens_by_the_threshold_and_half_of_the_calls(outcomes: str, state: State):
    assert told(Breaker(5), outcomes).state(0) is state


def test_four_in_ten_never_open_it():
    assert told(Breaker(5), "FSFSS" * 100).state(0) is State.CLOSED


def test_only_the_last_twenty_calls_of_ten_seconds_count():
    assert told(told(Breaker(5), "FFFF", now=0), "F", now=10).state(10) is State.CLOSED
    assert told(told(Breaker(5), "FFFF", now=0), "F", now=9.9).state(9.9) is State.OPEN
    assert told(Breaker(5), "S" * 1000 + "F" * 10).state(0) is State.OPEN


def test_a_higher_threshold_has_a_longer_window():
    assert told(Breaker(50), "F" * 49).state(0) is State.CLOSED
    assert told(Breaker(50), "F" * 50).state(0) is State.OPEN


def test_while_it_is_open_nothing_goes_and_it_says_for_how_long():
    breaker = opened(now=100)
    assert breaker.admit(102) is None
    assert breaker.wait_s(102) == 3
    assert breaker.wait_s(105) == 0


def test_three_probes_go_and_three_that_succeed_close_it():
    breaker = opened()
    probes = [breaker.admit(5) for _ in range(4)]
    assert probes[3] is None
    for probe in probes[:2]:
        assert probe is not None
        breaker.end(probe, 6, False)
    assert breaker.state(6) is State.HALF_OPEN
    assert breaker.admit(6) is None, "a probe that succeeded makes no room for another"
    assert probes[2] is not None
    breaker.end(probes[2], 6, False)
    assert breaker.state(6) is State.CLOSED
    assert told(breaker, "FFFF", 6).state(6) is State.CLOSED, "what was before is forgotten"


def test_a_probe_that_tells_nothing_makes_room_for_another():
    breaker = opened()
    told(breaker, "-" * 20, now=5)
    assert told(breaker, "SSS", now=5).state(5) is State.CLOSED


def test_each_probe_that_fails_opens_it_for_longer_up_to_half_a_minute():
    breaker, now, waits = opened(), 0.0, []
    for _ in range(7):
        waits.append(breaker.wait_s(now))
        now += waits[-1]
        told(breaker, "F", now)
    assert waits == [5, 7.5, 11.25, 16.875, 25.3125, 30, 30]


def test_once_closed_it_begins_with_the_short_time_again():
    breaker = told(opened(), "F", now=5)
    told(breaker, "SSS", now=12.5)
    assert told(breaker, "FFFFF", now=13).wait_s(13) == 5


def test_a_late_outcome_of_an_earlier_time_counts_no_more():
    breaker = Breaker(5)
    late = [breaker.admit(0) for _ in range(10)]
    told(breaker, "FFFFF")
    for permit in late:
        assert permit is not None
        breaker.end(permit, 5, True)
    assert breaker.wait_s(5) == 0
    probe = breaker.admit(5)
    assert probe is not None
    assert probe.is_probe


def test_an_urgent_call_goes_in_any_case_and_three_close_it():
    breaker = opened()
    for _ in range(3):
        permit = breaker.admit(1, is_urgent=True)
        assert permit is not None
        breaker.end(permit, 1, False)
    assert breaker.state(1) is State.CLOSED


def test_an_urgent_call_that_fails_does_not_make_it_grow():
    breaker = opened()
    for now in (1, 2, 3):
        permit = breaker.admit(now, is_urgent=True)
        assert permit is not None
        breaker.end(permit, now, True)
    assert breaker.wait_s(3) == 5


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from(["call", "urgent", "end"]),
                  st.sampled_from([True, False, None])),
        max_size=200,
    )
)  # fmt: skip
def test_whatever_happens_it_never_stays_shut_for_good(
    events: list[tuple[float, str, bool | None]],
):
    breaker, now = Breaker(3), 0.0
    out: list[Permit] = []
    for step_s, what, has_failed in events:
        now += step_s
        if what != "end":
            permit = breaker.admit(now, is_urgent=what == "urgent")
            out += [permit] if permit is not None else []
            assert permit is not None or breaker.wait_s(now) > 0
        elif out:
            breaker.end(out.pop(0), now, has_failed)
        assert 0 <= breaker.wait_s(now) <= 30
    for permit in out:
        breaker.end(permit, now, None)
    assert breaker.admit(now + 30) is not None
