"""The model of one symbol."""

from itertools import pairwise

import pytest

from bpx.simulator.market import MarketModel
from bpx.simulator.symbols import listings
from tests.simulator.market_access import START_MS

HOUR_MS = 3_600_000


def model(name, market="spot", seed=1):
    return MarketModel(listings(market)[name], seed, START_MS)


@pytest.mark.parametrize("name", ["BTCUSDT", "ADAUSDT", "NKNUSDT"])
def test_running_in_steps_is_running_at_once(name):
    one, two = model(name), model(name)
    one.run_to(START_MS + 100_000)
    for step in range(1, 1_001):
        two.run_to(START_MS + 100 * step)
    assert vars(one.tape) == vars(two.tape)
    assert one.book.changes == two.book.changes
    assert one.book.tops == two.book.tops


def test_time_only_goes_forward():
    ran = model("NKNUSDT")
    ran.run_to(START_MS + HOUR_MS)
    assert all(one <= two for one, two in pairwise(ran.tape.times))
    assert all(one.time_ms <= two.time_ms for one, two in pairwise(ran.book.changes))


def test_busy_symbols_trade_every_second_and_quiet_ones_leave_minutes_out():
    busy, quiet = model("BTCUSDT"), model("NKNUSDT")
    for ran in (busy, quiet):
        ran.run_to(START_MS + 600_000)
    assert busy.tape.count_at(START_MS + 600_000) - busy.tape.count_at(START_MS) > 1_200
    minutes = {t // 60_000 for t in quiet.tape.times if t > START_MS}
    assert 0 < len(minutes) < 10


def test_a_symbol_that_is_not_trading_never_changes():
    halted = model("BCCUSDT")
    before = len(halted.tape)
    halted.run_to(START_MS + HOUR_MS)
    assert len(halted.tape) == before
    assert halted.halted_ms < START_MS


def test_history_is_sparse_long_ago_and_dense_of_late():
    times = model("BTCUSDT").tape.times

    def count(hours_back, hours):
        left = START_MS - hours_back * HOUR_MS
        return sum(left <= t < left + hours * HOUR_MS for t in times)

    assert 15 <= count(24 * 400, 24 * 20) <= 30
    assert 15 <= count(24 * 10, 24) <= 40
    assert count(1, 1) > 60
    assert times[0] == START_MS - 3_300 * 24 * HOUR_MS
