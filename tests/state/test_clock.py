from bpx.state.clock import ExchangeClock


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


def test_a_clock_that_was_set_forward_is_followed_at_once():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=100.0)
    clock.observe(9_000_000, now=101.0)
    assert clock.at(101.0) == 9_000_000


def test_the_first_observation_may_come_within_the_first_window_of_the_host():
    clock = ExchangeClock()
    clock.observe(1_000_000, now=0.5)
    assert clock.at(0.5) == 1_000_000
