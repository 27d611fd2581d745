"""Books behind the proxy against the recorded snapshots, diffs and book tickers."""

import json
from itertools import groupby

import pytest

from tests.recorded.walk import FOLLOWED, FORWARDED, walked
from tests.simulator.recorded import needs_recordings

pytestmark = needs_recordings

# Session -> at how many instants at least a book was compared, and how often at least with the
# book ticker of the same update id, which few diffs have: 26 of BINANCE's, 57 of BINANCE_US's, 27
# of BINANCE_TR's and 50 of BINANCE_FUTURES's. At the other instants a book was not known (before
# its snapshot, or on hftbacktest where prices have left it): there it is a refusal that is
# compared. BINANCE_TR has 118 instants in all.
BOOKS = {
    "cryptofeed/BINANCE": (190, 20),
    "cryptofeed/BINANCE_US": (190, 40),
    "cryptofeed/BINANCE_TR": (110, 20),
    "cryptofeed/BINANCE_FUTURES": (190, 45),
    "cryptofeed/BINANCE_DELIVERY": (200, 90),
    "hftbacktest/spot": (150, 80),
    "hftbacktest/usdm": (150, 80),
}
# At how many instants anything was compared.
INSTANTS = dict.fromkeys(BOOKS, 200) | {"cryptofeed/BINANCE_TR": 118}
TICKERS = {
    "cryptofeed/BINANCE": 190,
    "cryptofeed/BINANCE_US": 190,
    "cryptofeed/BINANCE_TR": 80,
}


@pytest.mark.parametrize("name", BOOKS)
def test_depth_is_the_book_of_snapshot_and_diffs_digit_for_digit(name: str) -> None:
    proven = [seen for seen in walked(name).depth if seen.proven is not None]
    for seen in proven:
        where = (seen.symbol, seen.at_ms)
        assert (where, seen.answer.status, seen.answer.body) == (where, 200, seen.proven)
    assert len({seen.at_ms for seen in proven}) >= BOOKS[name][0]


@pytest.mark.parametrize("name", INSTANTS)
def test_a_session_is_compared_at_two_hundred_instants_if_it_has_them(name: str) -> None:
    assert walked(name).instants >= INSTANTS[name]


@pytest.mark.parametrize("name", BOOKS)
def test_the_best_levels_are_the_book_tickers_of_the_same_update_id(name: str) -> None:
    told = [seen for seen in walked(name).depth if seen.proven is not None and seen.best]
    for seen in told:
        book = json.loads(seen.answer.body)
        assert [*book["bids"][0], *book["asks"][0]] == seen.best
    assert len(told) >= BOOKS[name][1]


@pytest.mark.parametrize("name", BOOKS)
def test_what_no_recording_proves_of_a_book_is_the_exchanges_refusal(name: str) -> None:
    # Before the snapshot; and on hftbacktest where prices have left its thousand levels.
    unknown = [seen for seen in walked(name).depth if seen.proven is None]
    for seen in unknown:
        message = f"Not in this recording: 20 levels of {seen.symbol} at this moment."
        assert seen.answer.source == "upstream"
        assert (seen.answer.status, json.loads(seen.answer.body)) == (
            503,
            {"code": -1001, "msg": message},
        )
    assert unknown != []


@pytest.mark.parametrize("name", [name for name in BOOKS if name in FOLLOWED])
def test_known_books_come_from_streams(name: str) -> None:
    sources = {seen.answer.source for seen in walked(name).depth if seen.proven is not None}
    assert sources == {"websocket"}


@pytest.mark.parametrize("name", ["hftbacktest/spot", "hftbacktest/usdm"])
def test_a_book_is_right_again_after_each_time_it_was_unknown(name: str) -> None:
    seen = walked(name)
    phases = [is_known for is_known, _ in groupby(row.proven is not None for row in seen.depth)]
    assert phases[:3] == [False, True, False]
    assert phases.count(True) >= 2
    # The stream was cut whenever the book was lost.
    lines = 1 if seen.session.market == "spot" else 2
    assert seen.connects >= lines * phases[1:].count(False) + lines


@pytest.mark.parametrize("name", [name for name in BOOKS if name.startswith("cryptofeed/")])
def test_a_recorded_snapshot_passes_byte_for_byte(name: str) -> None:
    snapshots = walked(name).snapshots
    assert len(snapshots) >= 3
    for seen in snapshots:
        assert seen.is_untouched
        assert (seen.symbol, seen.answer.body) == (seen.symbol, seen.recorded)
        assert seen.answer.source == "upstream"


@pytest.mark.parametrize("name", TICKERS)
def test_a_tickers_best_prices_are_those_of_the_newest_book_ticker(name: str) -> None:
    told = [seen for seen in walked(name).tickers if seen.best is not None]
    for seen in told:
        ticker = json.loads(seen.answer.body)
        best = [ticker[key] for key in ("bidPrice", "bidQty", "askPrice", "askQty")]
        assert (seen.at_ms, best) == (seen.at_ms, seen.best)
    assert len(told) >= TICKERS[name]


@pytest.mark.parametrize("name", FORWARDED)
def test_symbols_of_an_unreadable_exchange_info_are_forwarded_and_open_no_stream(name: str) -> None:
    seen = walked(name)
    assert {row.answer.source for row in seen.depth} == {"upstream"}
    assert {row.answer.source for row in seen.klines} == {"upstream"}
    assert seen.connects == 0
