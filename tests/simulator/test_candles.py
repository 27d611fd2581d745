"""Candles of every interval follow from the trades."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.simulator.market_access import START_MS, exchange, get, of, run

SHORT = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h"]
LONG = ["6h", "8h", "12h", "1d", "3d", "1w", "1M"]


def recount(trades, open_ms, close_ms, before):
    """Count one candle anew from REST trades; nothing of the simulator's own is used."""
    inside = [t for t in trades if open_ms <= t["time"] <= close_ms]
    if not inside:
        return [Decimal(before)] * 4 + [0, 0, 0, 0, 0]
    prices = [Decimal(t["price"]) for t in inside]
    taken = [t for t in inside if not t["isBuyerMaker"]]
    return [
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(Decimal(t["qty"]) for t in inside),
        sum(Decimal(t["quoteQty"]) for t in inside),
        len(inside),
        sum(Decimal(t["qty"]) for t in taken),
        sum(Decimal(t["quoteQty"]) for t in taken),
    ]


def all_trades(venue, symbol):
    """Page through the trades by id, oldest first."""
    page = get(venue, f"historicalTrades?symbol={symbol}&fromId=1&limit=1000")
    trades = []
    while page:
        trades += page
        last = page[-1]["id"] + 1
        page = get(venue, f"historicalTrades?symbol={symbol}&fromId={last}&limit=1000")
    return trades


def numbers(row):
    return [Decimal(row[i]) for i in (1, 2, 3, 4, 5, 7, 8, 9, 10)]


@pytest.fixture(scope="module")
def traded():
    venue = exchange("spot")
    run(venue, 400_000)
    return venue, all_trades(venue, "BELUSDT")


@pytest.mark.parametrize("interval", ["1s", *SHORT, *LONG])
def test_klines_of_every_interval_are_what_the_trades_add_up_to(traded, interval):
    venue, trades = traded
    rows = get(venue, f"klines?symbol=BELUSDT&interval={interval}&limit=200")
    assert rows
    for row in rows:
        before = [t for t in trades if t["time"] < row[0]]
        counted = recount(trades, row[0], row[6], before[-1]["price"] if before else "0")
        assert numbers(row) == counted


@pytest.mark.parametrize("interval", ["1m", "1h", "1d", "3d", "1w", "1M"])
def test_rows_follow_each_other_without_a_gap_and_end_with_the_open_candle(traded, interval):
    venue, _ = traded
    rows = get(venue, f"klines?symbol=BELUSDT&interval={interval}&limit=1000")
    assert all(one[6] + 1 == two[0] for one, two in pairwise(rows))
    assert rows[-1][0] <= venue.now_ms <= rows[-1][6]


def test_a_week_opens_on_monday_and_a_month_on_its_first_day(traded):
    venue, _ = traded
    for row in get(venue, "klines?symbol=BELUSDT&interval=1w&limit=60"):
        opened = datetime.fromtimestamp(row[0] / 1_000, UTC)
        assert (opened.weekday(), opened.hour) == (0, 0)
    for row in get(venue, "klines?symbol=BELUSDT&interval=1M&limit=40"):
        opened = datetime.fromtimestamp(row[0] / 1_000, UTC)
        assert (opened.day, opened.hour) == (1, 0)


def test_three_day_candles_are_counted_from_one_that_opened_on_2024_01_01(traded):
    venue, _ = traded
    new_year_2024_ms = 1_704_067_200_000
    for row in get(venue, "klines?symbol=BELUSDT&interval=3d&limit=40"):
        assert (row[0] - new_year_2024_ms) % (3 * 86_400_000) == 0


def test_a_time_zone_shifts_only_the_edges(traded):
    venue, trades = traded
    rows = get(venue, "klines?symbol=BELUSDT&interval=1d&limit=20&timeZone=8")
    assert all((row[0] + 8 * 3_600_000) % 86_400_000 == 0 for row in rows)
    for row in rows[1:]:
        assert row[8] == sum(row[0] <= t["time"] <= row[6] for t in trades)


def test_the_number_of_rows_never_depends_on_trades():
    venue = exchange("futures")
    for _ in range(30):
        run(venue, 1_000)
        at = venue.now_ms
        rows = get(venue, "klines?symbol=SUSHIUSDT&interval=1m&limit=3")
        assert [row[0] for row in rows] == [at - at % 60_000 - k * 60_000 for k in (2, 1, 0)]


def test_right_after_an_edge_the_new_candle_is_flat_at_the_last_close():
    venue = exchange("futures")
    edge_ms = START_MS - START_MS % 60_000 + 60_000
    venue.advance(edge_ms)
    old, new = get(venue, "klines?symbol=SUSHIUSDT&interval=1m&limit=2", as_of_ms=edge_ms)
    assert new == [
        edge_ms, *[old[4]] * 4, "0", edge_ms + 59_999, "0.0000", 0, "0", "0.0000", "0",
    ]  # fmt: skip


@pytest.mark.parametrize(("market", "symbol"), [("spot", "SOLUSDT"), ("futures", "AKROUSDT")])
@pytest.mark.parametrize("interval", ["1m", "3m"])
def test_stream_frames_are_the_rest_rows_of_their_instant(market, symbol, interval):
    venue = exchange(market)
    stream = f"{symbol.lower()}@kline_{interval}"
    venue.subscribe(stream)
    frames = of(run(venue, 400_000), stream)
    finals = [frame for _, frame in frames if frame["k"]["x"]]
    assert len(finals) == 400_000 // {"1m": 60_000, "3m": 180_000}[interval]
    for at_ms, frame in frames:
        k = frame["k"]
        rows = get(venue, f"klines?symbol={symbol}&interval={interval}&limit=3", as_of_ms=at_ms)
        row = next(row for row in rows if row[0] == k["t"])
        values = [k[c] for c in "tohlcvTqnVQ"] + [k["B"]]
        assert values == row
        assert frame["E"] == at_ms


def test_a_minute_without_trades_still_gets_its_final_frame():
    venue = exchange("futures")
    venue.subscribe("akrousdt@kline_1m")
    finals = [f for _, f in of(run(venue, 1_200_000), "akrousdt@kline_1m") if f["k"]["x"]]
    assert len(finals) == 20
    empty = [f["k"] for f in finals if f["k"]["n"] == 0]
    assert empty
    closes = {f["k"]["T"]: f["k"]["c"] for f in finals}
    for k in empty:
        assert (k["f"], k["L"], k["v"], k["q"]) == (-1, -1, "0", "0.000000")
        assert {k["o"], k["h"], k["l"], k["c"]} == {closes.get(k["t"] - 1, k["c"])}


def test_the_final_frame_comes_before_anything_of_the_next_candle():
    venue = exchange("futures", futures_close_delay_ms=1_500)
    venue.subscribe("btcusdt@kline_1m")
    frames = [f for _, f in of(run(venue, 130_000), "btcusdt@kline_1m")]
    for one, two in pairwise(frames):
        assert two["k"]["t"] == one["k"]["t"] + (60_000 if one["k"]["x"] else 0)
    assert {f["E"] - f["k"]["T"] for f in frames if f["k"]["x"]} == {1_501}


def test_spot_closes_within_tens_of_milliseconds():
    venue = exchange("spot")
    venue.subscribe("ltcusdt@kline_1m")
    finals = [f for _, f in of(run(venue, 180_000), "ltcusdt@kline_1m") if f["k"]["x"]]
    assert finals
    assert all(0 < f["E"] - f["k"]["T"] < 100 for f in finals)


def test_a_bigger_candle_is_the_sum_of_the_smaller_ones_that_traded():
    venue = exchange("futures")
    run(venue, 60_000)
    hours = get(venue, "klines?symbol=BTCUSDT&interval=1h&limit=20")
    minutes = get(venue, "klines?symbol=BTCUSDT&interval=1m&limit=1500")
    for hour in hours:
        inside = [m for m in minutes if hour[0] <= m[0] <= hour[6] and m[8]]
        assert numbers(hour) == [
            Decimal(inside[0][1]),
            max(Decimal(m[2]) for m in inside),
            min(Decimal(m[3]) for m in inside),
            Decimal(inside[-1][4]),
            *(sum(Decimal(m[i]) for m in inside) for i in (5, 7, 8, 9, 10)),
        ]
