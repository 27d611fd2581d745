"""Candles behind the proxy against recorded kline messages, and against sums of recorded trades."""

import json
from bisect import bisect_right
from decimal import Decimal
from typing import Any

import pytest

from tests.recorded.files import Line
from tests.recorded.proofs import proofs_of, row_of
from tests.recorded.seen import KlinesSeen
from tests.recorded.sums import INTERVALS_MS, summed
from tests.recorded.walk import walked
from tests.simulator.recorded import needs_recordings

pytestmark = needs_recordings

# Session -> how many answers at least showed a recorded kline as the open candle. BINANCE has two
# kline messages and BINANCE_US five, each asked for again at later instants, BINANCE_TR eight at
# two instants. A ccxt sample is two messages, and all that it has of what the proxy follows.
TOLD = {
    "cryptofeed/BINANCE": 15,
    "cryptofeed/BINANCE_US": 3,
    "cryptofeed/BINANCE_TR": 4,
    "cryptofeed/BINANCE_FUTURES": 120,
    "cryptofeed/BINANCE_DELIVERY": 150,
    "ccxt/spot": 2,
    "ccxt/futures": 2,
}
# Session -> symbols whose final kline was recorded.
FINAL = {
    "cryptofeed/BINANCE_US": {"OMGBUSD"},
    "cryptofeed/BINANCE_TR": {"XEMUSDT", "LTCBRL", "BELBTC", "ELFBUSD"},
    "cryptofeed/BINANCE_FUTURES": {"SUSHIUSDT", "CTKUSDT", "AKROUSDT", "KEEPUSDT"},
}
# Session -> whole minutes and instants, at least. No kline was recorded, but every trade; the
# instants before the first whole minute are compared as refusals.
TRADED = {"hftbacktest/spot": (6, 180), "hftbacktest/usdm": (3, 160)}
LAG_MS = {"spot": 2_000, "futures": 250}  # of an open candle: the speed of its stream


def is_open(seen: KlinesSeen) -> bool:
    """Whether the newest kline that was told is the present candle's."""
    return seen.kline is not None and seen.at_ms <= seen.kline["T"]


def answered(name: str) -> list[KlinesSeen]:
    return [seen for seen in walked(name).klines if seen.answer.status == 200]


@pytest.mark.parametrize("name", TOLD)
def test_the_open_row_is_the_newest_recorded_kline(name: str) -> None:
    present = [seen for seen in walked(name).klines if is_open(seen)]
    for seen in present:
        assert seen.kline is not None
        where = (seen.symbol, seen.at_ms)
        assert (where, seen.answer.status) == (where, 200)
        assert (where, seen.rows[-1]) == (where, row_of(seen.kline))
    assert len(present) >= TOLD[name]


@pytest.mark.parametrize("name", FINAL)
def test_closed_rows_are_the_recorded_final_klines(name: str) -> None:
    finals = {
        (symbol, line.content["k"]["t"]): row_of(line.content["k"])
        for symbol, lines in proofs_of(name).klines.items()
        for line in lines
        if line.content["k"]["x"]
    }
    shown = set()
    for seen in answered(name):
        for row in seen.rows[:-1]:
            assert (seen.symbol, row) == (seen.symbol, finals[seen.symbol, row[0]])
            shown.add(seen.symbol)
    assert shown == FINAL[name]


@pytest.mark.parametrize("name", FINAL)
def test_a_candle_without_trades_follows_a_final_kline_until_its_own_first_one(name: str) -> None:
    following = [
        seen for seen in answered(name) if seen.kline is not None and seen.at_ms > seen.kline["T"]
    ]
    for seen in following:
        assert seen.kline is not None
        assert seen.kline["x"]
        assert seen.rows[-2:] == [row_of(seen.kline), flat_after(row_of(seen.kline))]
    assert following != []


def flat_after(row: list[Any]) -> list[Any]:
    volume, quote, taker, taker_quote = (f"{Decimal(row[at]) * 0:f}" for at in (5, 7, 9, 10))
    open_ms, prices = row[6] + 1, [row[4]] * 4
    return [open_ms, *prices, volume, open_ms + 59_999, quote, 0, taker, taker_quote, "0"]


@pytest.mark.parametrize("name", TOLD)
def test_once_answered_candles_are_refused_only_between_their_end_and_their_final_kline(
    name: str,
) -> None:
    known: set[str] = set()
    for seen in walked(name).klines:
        if seen.answer.status == 200:
            known.add(seen.symbol)
        elif seen.symbol in known:
            assert seen.kline is not None
            assert seen.at_ms > seen.kline["T"]
            # What is only forwarded is refused until trades, or two seconds, tell more.
            assert not seen.kline["x"] or name == "cryptofeed/BINANCE_DELIVERY"


@pytest.mark.parametrize("name", TRADED)
@pytest.mark.parametrize("interval", INTERVALS_MS)
def test_rows_are_the_sums_of_the_recorded_trades(name: str, interval: str) -> None:
    proofs, market = proofs_of(name), walked(name).session.market
    trades = proofs.trades["BTCUSDT"]
    sums = summed(trades, interval, is_futures=market == "futures")
    whole = [open_ms for open_ms in sorted(sums) if open_ms >= trades[0].at_ms]
    for seen in (row for row in answered(name) if row.interval == interval):
        rows = seen.rows
        assert [row[0] for row in rows] == [at for at in whole if at <= seen.at_ms][-12:]
        for row in rows[:-1]:
            assert row == sums[row[0]][-1]
        last = rows[-1]
        assert last == sums[last[0]][last[8] - 1]
        played = told_of(trades, last, seen.at_ms)
        assert told_of(trades, last, seen.at_ms - LAG_MS[market]) <= last[8] <= played


def told_of(trades: list[Line], row: list[Any], at_ms: int) -> int:
    """Return how many trades of a row's candle were told until an instant."""
    told = bisect_right(trades, at_ms, key=lambda line: line.at_ms)
    begun = bisect_right(trades, row[0] - 1, key=lambda line: line.content["T"])
    return max(0, told - begun)


@pytest.mark.parametrize("name", TRADED)
def test_traded_candles_are_answered_from_the_first_trade_of_a_whole_one_on(name: str) -> None:
    trades = proofs_of(name).trades["BTCUSDT"]
    minutes, instants = TRADED[name]
    shown: set[int] = set()
    for seen in walked(name).klines:
        length_ms = INTERVALS_MS[seen.interval]
        open_ms = seen.at_ms // length_ms * length_ms
        has_begun = told_of(trades, [open_ms], seen.at_ms) > 0 and open_ms >= trades[0].at_ms
        where = (seen.interval, seen.at_ms)
        assert (where, seen.answer.status) == (where, 200 if has_begun else 503)
        if seen.answer.status == 200 and seen.interval == "1m":
            shown.update(row[0] for row in seen.rows[:-1])
    assert len(shown) >= minutes
    assert len({seen.at_ms for seen in answered(name)}) >= instants


@pytest.mark.parametrize("name", [*TOLD, *TRADED])
def test_what_no_recording_proves_of_a_candle_is_the_exchanges_refusal(name: str) -> None:
    for seen in walked(name).klines:
        if seen.answer.status != 200:
            what = f"{seen.interval} candles of {seen.symbol} at this moment"
            refusal = {"code": -1001, "msg": f"Not in this recording: {what}."}
            assert (seen.answer.status, json.loads(seen.answer.body)) == (503, refusal)
            assert seen.answer.source == "upstream"


@pytest.mark.parametrize("name", [*TOLD, *TRADED])
def test_a_candle_that_is_over_is_never_the_newest(name: str) -> None:
    assert [seen for seen in answered(name) if seen.rows[-1][6] < seen.at_ms] == []
