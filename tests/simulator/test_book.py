"""Books: diffs, partial books, snapshots and best prices agree at every instant."""

from itertools import pairwise

import pytest

from bpx.simulator.book import HISTORY_MS
from tests.simulator.market_access import exchange, get, of, run

DIFFS = [
    ("spot", "solusdt@depth@100ms"),
    ("spot", "nknusdt@depth"),
    ("futures", "ethusdt@depth@100ms"),
    ("futures", "adausdt@depth"),
    ("futures", "adausdt@depth@500ms"),
]
TOP = ("bidPrice", "bidQty", "askPrice", "askQty")


def put(levels, changes):
    for price, quantity in changes:
        if float(quantity):
            levels[price] = quantity
        else:
            levels.pop(price, None)


def best_first(levels, is_bid):
    rows = sorted(levels.items(), key=lambda level: float(level[0]), reverse=is_bid)
    return [list(level) for level in rows]


@pytest.mark.parametrize(("market", "stream"), DIFFS)
def test_a_snapshot_and_its_diffs_are_the_book_at_every_instant(market, stream):
    venue = exchange(market)
    symbol = stream.partition("@")[0].upper()
    venue.subscribe(stream)
    snapshot = get(venue, f"depth?symbol={symbol}&limit=1000")
    bids, asks = dict(snapshot["bids"]), dict(snapshot["asks"])
    frames = of(run(venue, 30_000), stream)
    assert len(frames) > 5
    for at_ms, frame in frames:
        put(bids, frame["b"])
        put(asks, frame["a"])
        body = get(venue, f"depth?symbol={symbol}&limit=50", as_of_ms=at_ms)
        assert body["lastUpdateId"] == frame["u"]
        assert best_first(bids, is_bid=True)[:50] == body["bids"]
        assert best_first(asks, is_bid=False)[:50] == body["asks"]


def test_spot_update_ids_follow_each_other():
    venue = exchange("spot")
    venue.subscribe("btcusdt@depth@100ms")
    first_id = get(venue, "depth?symbol=BTCUSDT")["lastUpdateId"] + 1
    frames = [frame for _, frame in of(run(venue, 20_000), "btcusdt@depth@100ms")]
    for frame in frames:
        assert frame["U"] == first_id
        first_id = frame["u"] + 1


def test_futures_update_ids_chain_by_pu_and_leave_holes():
    venue = exchange("futures")
    venue.subscribe("btcusdt@depth@100ms")
    last_id = get(venue, "depth?symbol=BTCUSDT")["lastUpdateId"]
    frames = [frame for _, frame in of(run(venue, 20_000), "btcusdt@depth@100ms")]
    assert frames[0]["pu"] == last_id
    assert all(two["pu"] == one["u"] for one, two in pairwise(frames))
    assert all(frame["pu"] < frame["U"] <= frame["u"] for frame in frames)
    assert any(frame["U"] > frame["pu"] + 1 for frame in frames)


def test_spot_partial_books_are_rest_bodies_word_for_word():
    venue = exchange("spot")
    venue.subscribe("ethusdt@depth20@100ms")
    messages = run(venue, 5_000)
    assert messages
    for message in messages:
        body = get(venue, "depth?symbol=ETHUSDT&limit=20", as_of_ms=message.at_ms)
        assert of([message], message.stream) == [(message.at_ms, body)]


def test_futures_partial_books_map_to_rest_bodies():
    venue = exchange("futures")
    venue.subscribe("ethusdt@depth10@100ms")
    frames = of(run(venue, 5_000), "ethusdt@depth10@100ms")
    assert frames
    for at_ms, frame in frames:
        assert get(venue, "depth?symbol=ETHUSDT&limit=10", as_of_ms=at_ms) == {
            "lastUpdateId": frame["u"],
            "E": frame["E"],
            "T": frame["T"],
            "bids": frame["b"],
            "asks": frame["a"],
        }


def test_partial_books_are_silent_while_the_book_rests():
    venue = exchange("spot")
    venue.subscribe("belusdt@depth5@100ms")
    frames = of(run(venue, 60_000), "belusdt@depth5@100ms")
    ids = [frame["lastUpdateId"] for _, frame in frames]
    assert 5 < len(ids) < 200
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_book_ticker_is_the_top_of_the_book(market):
    venue = exchange(market)
    venue.subscribe("xrpusdt@bookTicker")
    frames = of(run(venue, 20_000), "xrpusdt@bookTicker")
    last_of_instant = dict(frames)
    assert len(last_of_instant) > 50
    for at_ms, frame in last_of_instant.items():
        body = get(venue, "depth?symbol=XRPUSDT&limit=5", as_of_ms=at_ms)
        assert [frame["b"], frame["B"]] == body["bids"][0]
        assert [frame["a"], frame["A"]] == body["asks"][0]
        ticker = get(venue, "ticker/bookTicker?symbol=XRPUSDT", as_of_ms=at_ms)
        assert [ticker[key] for key in TOP] == [frame[key] for key in "bBaA"]


def test_sides_never_cross_and_prices_are_in_order():
    venue = exchange("spot")
    for _ in range(100):
        run(venue, 1_000)
        for symbol in ("PEPEUSDT", "BTCUSDT", "OGNBTC"):
            body = get(venue, f"depth?symbol={symbol}&limit=5000")
            bids = [float(price) for price, _ in body["bids"]]
            asks = [float(price) for price, _ in body["asks"]]
            assert bids == sorted(set(bids), reverse=True)
            assert asks == sorted(set(asks))
            assert bids[0] < asks[0]


def test_the_book_of_a_quarter_of_an_hour_ago_can_still_be_read():
    venue = exchange("spot")
    venue.advance(venue.now_ms + 3 * HISTORY_MS)
    then_ms = venue.now_ms
    before = get(venue, "depth?symbol=BTCUSDT&limit=5000")
    venue.advance(then_ms + HISTORY_MS)
    assert get(venue, "depth?symbol=BTCUSDT&limit=5000", as_of_ms=then_ms) == before
