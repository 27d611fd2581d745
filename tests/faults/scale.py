"""How much of a row is run: all of its numbers, or a part that fits into a normal run."""

import os

IS_FULL = os.environ.get("BPX_FAULTS_FULL") == "1"

# What takes long, or most of the processor. `make test` leaves it to `make faults`.
LONG = (
    "test_steady_load_is_no_leak",
    "test_a_leak_is_found_and_named",
    "test_a02_what_cannot_be_sent_is_said_to_be_not_sent",
    "test_a07_a_breaker_opens_answers_at_once_and_closes_after_three_probes",
    "test_a08_market_data_that_hangs_does_not_slow_an_order",
    "test_a09_reads_leave_a_host_that_fails_and_orders_stay_where_they_were_sent",
    "test_a14_a_pool_is_bounded_and_what_exceeds_it_is_told_at_once",
    "test_a15_a_name_that_cannot_be_looked_up_blocks_nobody",
    "test_a17_what_is_huge_is_refused_and_what_is_odd_does_no_harm",
    "test_a19_a_refusal_is_asked_for_once_in_five_seconds",
    "test_a_cold_start_beyond_the_budget_is_refused_at_once_and_says_when_to_come_again",
    "test_a_cold_start_with_500_series_breaks_no_limit",
    "test_b10_a_bad_book_ticker_does_not_leave_an_old_price_behind",
    "test_b10_a_bad_message_makes_its_stream_be_read_anew_and_no_other",
    "test_b10_one_bad_message_in_a_hundred_makes_no_answer_wrong",
    "test_b11_a_stream_that_is_not_subscribed_is_asked_for_seldom_and_served_by_rest",
    "test_b12_a_flood_of_messages_is_taken_in_as_it_comes",
    "test_b13_without_any_stream_all_is_served_by_rest",
    "test_b16_every_message_twice_and_a_hundred_old_ones_change_no_answer",
    "test_b1_whatever_ends_a_connection_there_is_another_within_a_second",
    "test_b3_on_a_shutdown_notice_the_connection_is_replaced_at_once",
    "test_b4_a_black_hole_is_noticed_and_rest_serves_meanwhile",
    "test_b6_300_symbols_at_once_stay_within_the_limit_of_messages",
    "test_b7_refused_or_dropped_for_long_it_attempts_neither_too_often_nor_never",
    "test_b8_a_handshake_that_hangs_or_drips_is_cut_off",
    "test_b9_messages_that_are_too_big_take_no_memory",
    "test_c03_what_says_nothing_holds_to_the_next_minute_or_for_two",
    "test_c04_what_others_of_our_address_spend_counts_and_nothing_lower_later",
    "test_c06_a_new_limit_is_adopted_while_running",
    "test_c07_orders_go_at_once_while_market_data_wants_three_times_the_limit",
    "test_c09_every_polite_bot_is_served_while_a_greedy_one_is_told_to_wait",
    "test_c12_the_edge_of_a_minute_is_crossed_without_a_429",
    "test_c13_streams_that_break_all_at_once_do_not_spend_the_minute",
    "test_c14_a_cold_start_of_many_bots_stays_within_the_limits",
    "test_d10_what_is_always_different_fills_nothing_up",
    "test_d1_slow_heads_are_cut_and_hurt_nobody",
    "test_d2_slow_bodies_are_cut_and_hurt_neither_reads_nor_orders",
    "test_d3_slow_readers_are_cut_and_cost_little_memory",
    "test_d7_idle_connections_keep_nobody_out_and_are_closed",
    "test_d7_in_a_full_house_whoever_has_waited_longest_makes_room",
    "test_d7_pipelined_requests_are_answered_in_order_and_do_not_hold_others_up",
    "test_d9_nonsense_gets_what_the_exchange_says_to_it",
    "test_e12_a_change_of_status_shows_within_the_time_that_the_document_may_be_old",
    "test_e12_who_waits_while_a_symbol_is_removed_is_answered",
    "test_e14_the_age_of_an_answer_is_true",
    "test_e16_unicode_symbols_work_from_end_to_end",
    "test_e17_answers_of_streams_and_of_rest_have_one_shape",
    "test_e1_a_quiet_book_whose_stream_dies_is_believed_for_one_interval",
    "test_e18_the_first_who_asks_does_not_wait_for_a_push",
    "test_e19_an_error_is_never_kept_as_data",
    "test_e3_levels_beyond_those_that_are_known_are_asked_for",
    "test_e4_update_ids_never_go_back_for_a_client",
    "test_e5_a_close_that_was_lost_is_fetched_within_five_seconds",
    "test_e5_candles_are_whole_after_a_reconnect_across_an_edge",
    "test_e5_candles_are_whole_whatever_is_lost",
    "test_e6_nor_is_it_when_the_whole_connection_says_nothing",
    "test_e9_another_unit_or_form_is_left_to_the_exchange",
    "test_e9_windows_and_zones_mean_what_they_mean_to_the_exchange",
    "test_f03_a_killed_worker_costs_what_it_had_under_way_and_connects_no_more_than_it_has_to",
    "test_f06_a_stuck_worker_is_replaced_and_who_waits_is_served",
    "test_f09_a_refusal_is_logged_in_few_words_and_once_for_many",
    "test_f12_nothing_piles_up",
    "test_gate_05_three_times_the_limit_is_asked_and_never_more_than_the_limit_sent",
    "test_gate_09_a_book_is_the_exchanges_after_every_gap",
)

# With all of their numbers these wait for minutes and use little of the processor: `make faults`
# runs some of them at a time, and then what measures times, alone.
PATIENT = (
    "test_a04_an_order_has_thirteen_seconds_and_its_late_answer_is_nobody_elses",
    "test_b2_a_connection_is_replaced_before_it_is_too_old_and_nobody_notices",
    "test_b7_refused_or_dropped_for_long_it_attempts_neither_too_often_nor_never",
    "test_c02_during_a_ban_not_even_orders_go_and_one_probe_ends_it",
    "test_f01_a_stop_under_load_loses_nothing_and_says_good_bye",
    "test_f06_a_stuck_worker_is_replaced_and_who_waits_is_served",
    "test_f12_nothing_piles_up",
)


def full_or(full: int, normal: int) -> int:
    """Return the row's own number, or what a normal run does."""
    return full if IS_FULL else normal
