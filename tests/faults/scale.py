"""How much of a row is run: all of its numbers, or a part that fits into a normal run."""

import os

IS_FULL = os.environ.get("BPX_FAULTS_FULL") == "1"

# What takes most of the processor. `make test` leaves it to `make faults`; all rows but D10 have
# other tests, which it does run.
LONG = (
    "test_a_cold_start_with_500_series_breaks_no_limit",
    "test_a_cold_start_beyond_the_budget_is_refused_at_once_and_says_when_to_come_again",
    "test_b10_one_bad_message_in_a_hundred_makes_no_answer_wrong",
    "test_b16_every_message_twice_and_a_hundred_old_ones_change_no_answer",
    "test_d10_what_is_always_different_fills_nothing_up",
    "test_e5_candles_are_whole_whatever_is_lost",
    "test_e6_nor_is_it_when_the_whole_connection_says_nothing",
)


def full_or(full: int, normal: int) -> int:
    """Return the row's own number, or what a normal run does."""
    return full if IS_FULL else normal
