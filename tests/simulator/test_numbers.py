"""Integers as Binance writes them."""

import pytest

from bpx.simulator.numbers import Decimals, decimal_text, percent_text, rounded_ratio
from bpx.simulator.symbols import listings


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [(0, 2, "0.00"), (5, 2, "0.05"), (-1234, 2, "-12.34"), (7, 0, "7"), (100, 8, "0.00000100")],
)
def test_units_become_plain_decimals(units, decimals, text):
    assert decimal_text(units, decimals) == text


def test_halves_are_rounded_away_from_zero():
    assert [rounded_ratio(n, 2) for n in (1, 3, -1, -3)] == [1, 2, -1, -2]


def test_percent_has_three_decimals_and_no_negative_zero():
    assert percent_text(-1, 1_000_000) == "0.000"
    assert percent_text(1, 3) == "33.333"
    assert percent_text(5, 0) == "0.000"


def test_spot_pads_to_eight_decimals_and_futures_uses_the_precisions():
    spot, futures = (Decimals(listings(m)["BTCUSDT"]) for m in ("spot", "futures"))
    assert (spot.price(6_701_234), spot.quantity(12)) == ("67012.34000000", "0.00012000")
    assert spot.quote(6_701_234 * 12) == "8.04148080"
    assert (futures.price(670_102), futures.quantity(12)) == ("67010.20", "0.012")
    assert futures.quote(670_102 * 12) == "804.12240"
    assert futures.window_quote(670_102 * 12) == "804.12"
    assert futures.average(670_102 * 2 + 1, 2) == "67010.25"


def test_no_spot_symbol_needs_more_than_eight_decimals():
    for listing in listings("spot", full_size=True).values():
        assert listing.price_decimals + listing.quantity_decimals <= 8
