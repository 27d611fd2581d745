from bpx.state.clock import LEAP_MS, WINDOW_S, ExchangeClock


def test_it_knows_no_time_before_it_was_told_one():
    assert ExchangeClock().at(5.0) is None


def test_time_goes_on_from_what_was_observed():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=5.0)
    assert clock.at(5.0) == 1_000_000
    assert clock.at(7.5) == 1_002_500


def test_each_observation_is_a_lower_bound_so_the_highest_counts():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=5.0)
    clock.observe(1_000_900, now=6.0)  # a message that was 100 ms late
    assert clock.at(6.0) == 1_001_000
    clock.observe(1_002_100, now=7.0)  # and one that was faster than the first
    assert clock.at(7.0) == 1_002_100


def test_a_late_message_at_the_turn_of_a_window_does_not_set_it_back():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(1_030_100, now=131.0)  # 900 ms late, and the first of a new window
    assert clock.at(131.0) == 1_031_000


def test_a_clock_that_was_set_back_is_followed_after_two_windows():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(500_000, now=131.0)
    assert clock.at(131.0) == 1_031_000
    clock.observe(531_000, now=162.0)
    assert clock.at(162.0) == 531_000


def test_a_clock_that_was_set_forward_is_followed_once_two_in_a_row_tell():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(9_000_000, now=101.0)
    assert clock.at(101.0) == 1_001_000
    clock.observe(9_000_900, now=102.0)
    assert clock.at(102.0) == 9_000_900
    clock.observe(9_002_000, now=103.0)
    assert clock.at(103.0) == 9_002_000


def test_one_that_is_set_forward_a_little_is_followed_at_once():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(1_000_000 + LEAP_MS, now=100.0)
    assert clock.at(100.0) == 1_000_000 + LEAP_MS
    clock.observe(1_000_001 + 2 * LEAP_MS, now=100.0)
    assert clock.at(100.0) == 1_000_000 + LEAP_MS


def test_one_message_of_the_far_future_does_not_move_it():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(10**12, now=100.1)
    assert clock.at(100.1) == 1_000_100
    for second in range(1, 100):
        clock.observe(1_000_000 + second * 1000, now=100.0 + second)
        clock.observe(10**12, now=100.1 + second)
        assert clock.at(100.5 + second) == 1_000_500 + second * 1000


def test_nor_does_a_copy_of_it():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    for _ in range(3):
        clock.observe(10**12, now=100.1)
    assert clock.at(100.1) == 1_000_100


def test_nor_does_one_that_begins_a_window():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(10**12, now=101.0 + WINDOW_S)
    assert clock.at(101.0 + WINDOW_S) == 1_001_000 + WINDOW_S * 1000


def test_of_two_leaps_in_a_row_it_believes_the_smaller_one():
    for leaps in ((10**12, 2_000_000), (2_000_000, 10**12)):
        clock = ExchangeClock()
        clock.observe(1_000_000, now=100.0)
        for at_ms in leaps:
            clock.observe(at_ms, now=100.0)
        assert clock.at(100.0) == 2_000_000


def test_a_time_that_runs_fast_is_followed_one_message_behind():
    clock = ExchangeClock()
    for second in range(100):
        clock.observe(second * 600_000, now=100.0 + second)
        assert (clock.at(100.0 + second) or 0) >= (second - 1) * 600_000


def test_the_first_observation_may_come_within_the_first_window_of_the_host():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=0.5)
    assert clock.at(0.5) == 1_000_000
