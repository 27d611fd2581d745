from itertools import islice

import pytest

from bpx.errors import Loss, StreamLost
from bpx.streams.backoff import PACES, Backoff, delays


def lost(loss, retry_after_s=None):
    return StreamLost("gone", loss, retry_after_s)


def longest(times, loss, **backoff):
    """Return the longest of many waits after so many losses."""
    waits = []
    for _ in range(400):
        one = Backoff(**backoff)
        waits.append([one.after(lost(loss)) for _ in range(times)][-1])
    return max(waits)


def test_each_wait_is_random_below_a_top_that_doubles():
    tops = [1, 2, 4, 8, 8, 8]
    for _ in range(200):
        waits = list(islice(delays(1, 8), 6))
        assert all(0 <= wait <= top for wait, top in zip(waits, tops, strict=True))


def test_the_jitter_is_full():
    firsts = [next(delays(1, 8)) for _ in range(500)]
    assert min(firsts) < 0.2
    assert max(firsts) > 0.8


def test_it_never_gives_up():
    waits = islice(delays(0.5, 30), 10_000)
    assert max(waits) <= 30


def test_every_kind_of_loss_has_a_pace():
    assert set(PACES) == set(Loss)


@pytest.mark.parametrize(
    ("loss", "top_s"),
    [
        (Loss.CLOSED, 0.25),
        (Loss.LOST, 0.5),
        (Loss.PROTOCOL, 0.5),
        (Loss.UNREACHABLE, 1.0),
        (Loss.REFUSED, 1.0),
    ],
)
def test_the_first_wait_is_as_long_as_the_kind_of_loss_demands(loss, top_s):
    first_s = longest(1, loss, first_s=1.0, longest_s=300.0, most_failures=10)
    assert 0.9 * top_s < first_s <= top_s


@pytest.mark.parametrize(("times", "top_s"), [(2, 2.0), (4, 8.0), (6, 20.0)])
def test_the_top_doubles_up_to_the_longest(times, top_s):
    wait_s = longest(times, Loss.REFUSED, first_s=1.0, longest_s=20.0, most_failures=10)
    assert 0.9 * top_s < wait_s <= top_s


def test_a_ban_is_waited_out_and_then_some():
    backoff = Backoff(1.0, 300.0, 10)
    assert 7.0 <= backoff.after(lost(Loss.BANNED, 7.0)) <= 8.0
    assert 120.0 <= backoff.after(lost(Loss.BANNED)) <= 122.0


def test_so_many_failures_open_the_breaker_and_the_longest_waits_follow():
    backoff = Backoff(0.001, 300.0, 3)
    assert max(backoff.after(lost(Loss.LOST)) for _ in range(2)) < 1
    assert not backoff.is_open
    waits = [backoff.after(lost(Loss.LOST)) for _ in range(200)]
    assert backoff.is_open
    assert 200 < max(waits) <= 300


def test_a_stable_connection_starts_it_afresh():
    backoff = Backoff(1.0, 300.0, 3)
    for _ in range(5):
        backoff.after(lost(Loss.LOST))
    backoff.start_afresh()
    assert (backoff.failures, backoff.is_open) == (0, False)
    assert backoff.after(lost(Loss.LOST)) <= 0.5


def test_it_can_fail_for_ever():
    backoff = Backoff(1.0, 300.0, 10_000)
    assert max(backoff.after(lost(Loss.LOST)) for _ in range(5_000)) <= 300
