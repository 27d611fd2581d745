"""The table of symbols."""

import pytest

from bpx.simulator.symbols import FULL_SIZE, NON_ASCII_SYMBOL, listings


@pytest.mark.parametrize(("market", "least"), [("spot", 40), ("futures", 25)])
def test_there_are_busy_quiet_new_and_halted_symbols(market, least):
    table = listings(market)
    assert len(table) >= least
    assert len({row.pace.trade_gap_ms for row in table.values()}) == 3
    assert [row.name for row in table.values() if not row.is_trading]
    assert [row.name for row in table.values() if row.age_days < 1]


def test_one_futures_symbol_is_not_ascii():
    assert NON_ASCII_SYMBOL in listings("futures")


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_full_table_begins_with_the_small_one(market):
    small, full = listings(market), listings(market, full_size=True)
    assert list(full)[: len(small)] == list(small)
    assert len(full) == FULL_SIZE[market]
