"""Replayed sessions against what the recordings themselves prove, by code of their own."""

import gzip
import json
from bisect import bisect_right
from collections import defaultdict
from decimal import Decimal
from functools import cache

import pytest

from bpx.simulator.replay import Replay
from bpx.simulator.simulator import Simulator
from bpx.simulator.venue import Request
from tests.simulator.clients import connect
from tests.simulator.recorded import CRYPTOFEED, HFTBACKTEST, RECORDED, needs_recordings
from tests.waiting import eventually

pytestmark = needs_recordings


def ask(replay, target, as_of_ms=None):
    reply = replay.reply(Request("GET", target), as_of_ms)
    return reply.status, json.loads(reply.body or b"null")


def prefix(replay):
    return "/api/v3" if replay.market == "spot" else "/fapi/v1"


DERIVED = ("depth5@100ms", "depth20@100ms", "kline_1m")


@cache
def played(name):
    """Play a session to its end once; return the replay and all it published, by stream."""
    replay = Replay(RECORDED / name)
    symbols = {stream.partition("@")[0] for stream in replay.recording.streams}
    for stream in replay.recording.streams | {f"{s}@{kind}" for s in symbols for kind in DERIVED}:
        replay.subscribe(stream)
    by_stream = defaultdict(list)
    for message in replay.advance(replay.recording.instants[-1]):
        by_stream[message.stream].append(message)
    return replay, by_stream


def told(name, stream):
    return [json.loads(message.payload) for message in played(name)[1][stream]]


@pytest.mark.parametrize("name", CRYPTOFEED + HFTBACKTEST)
def test_recorded_messages_are_played_as_they_are(name):
    replay, by_stream = played(name)
    recorded = defaultdict(list)
    for event in replay.recording.events():
        if event.stream and event.at_ms > replay.recording.start_ms:
            recorded[event.stream].append((event.body, event.at_ms))
    for stream in replay.recording.streams:
        assert [(m.payload, m.at_ms) for m in by_stream[stream]] == recorded[stream]


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("cryptofeed/BINANCE", 25),
        ("cryptofeed/BINANCE_FUTURES", 50),
        ("cryptofeed/BINANCE_DELIVERY", 200),
        ("cryptofeed/BINANCE_US", 50),
        ("cryptofeed/BINANCE_TR", 20),
        ("hftbacktest/spot", 5_000),
        ("hftbacktest/usdm", 5_000),
    ],
)
def test_derived_books_have_the_recorded_best_bid_and_ask_at_the_same_update_id(name, at_least):
    replay, _ = played(name)
    compared = 0
    for symbol in {stream.partition("@")[0] for stream in replay.recording.streams}:
        tickers = told(name, f"{symbol}@bookTicker")
        ids = [ticker["u"] for ticker in tickers]
        for book in told(name, f"{symbol}@depth5@100ms"):
            bids, asks = (book.get(key) or book[key[0]] for key in ("bids", "asks"))
            assert (len(bids), len(asks)) == (5, 5)
            # Every change of the best is told, so the newest up to this id holds at this id.
            newest = bisect_right(ids, book.get("u", book.get("lastUpdateId"))) - 1
            is_same = newest >= 0 and ids[newest] == book.get("u", book.get("lastUpdateId"))
            if is_same or (newest >= 0 and name in HFTBACKTEST):  # which miss no book ticker
                compared += 1
                assert [*bids[0], *asks[0]] == [tickers[newest][key] for key in "bBaA"]
    assert compared >= at_least


@pytest.mark.parametrize("name", HFTBACKTEST)
def test_a_book_is_refused_where_prices_have_left_what_the_snapshot_held(name):
    replay, by_stream = played(name)
    assert 5_000 < len(by_stream["btcusdt@depth20@100ms"]) < 6_000  # of about 6,500 diffs
    assert ask(replay, f"{prefix(replay)}/depth?symbol=BTCUSDT&limit=20") == (
        503,
        {"code": -1001, "msg": "Not in this recording: 20 levels of BTCUSDT at this moment."},
    )


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("cryptofeed/BINANCE", 4),
        ("cryptofeed/BINANCE_FUTURES", 4),
        ("cryptofeed/BINANCE_DELIVERY", 10),
        ("cryptofeed/BINANCE_US", 4),
        ("cryptofeed/BINANCE_TR", 3),
    ],
)
def test_a_recorded_snapshot_is_answered_as_it_is_while_the_book_stands_there(name, times):
    replay = Replay(RECORDED / name)
    seen = 0
    for event in replay.recording.events():
        replay.advance(max(event.at_ms, replay.now_ms))
        if "/depth?" in event.target:
            body = replay.reply(Request("GET", event.target)).body
            recorded = json.loads(event.body)
            assert list(json.loads(body)) == list(recorded)
            if json.loads(body)["lastUpdateId"] == recorded["lastUpdateId"]:
                seen += 1
                assert body == event.body
                top = {**recorded, "bids": recorded["bids"][:5], "asks": recorded["asks"][:5]}
                assert ask(replay, event.target.replace("1000", "5")) == (200, top)
    assert seen == times


def test_a_book_is_unknown_before_its_snapshot():
    replay = Replay(RECORDED / "cryptofeed/BINANCE")
    replay.subscribe("runeeur@depth20@100ms")
    snapshot_ms = next(e.at_ms for e in replay.recording.events() if "RUNEEUR" in e.target)
    assert replay.advance(snapshot_ms - 1) == []
    target = "/api/v3/depth?symbol=RUNEEUR&limit=5"
    assert ask(replay, target)[0] == 503
    replay.advance(snapshot_ms)
    assert ask(replay, target)[0] == 200
    assert ask(replay, target, as_of_ms=snapshot_ms - 1)[0] == 503


def test_rest_depth_equals_the_partial_stream_at_the_same_update_id():
    replay = Replay(RECORDED / "cryptofeed/BINANCE_FUTURES")
    replay.subscribe("sushiusdt@depth20@100ms")
    compared = 0
    for at_ms in replay.recording.instants:
        for message in replay.advance(at_ms)[-1:]:
            told = json.loads(message.payload)
            status, book = ask(replay, "/fapi/v1/depth?symbol=SUSHIUSDT&limit=20")
            assert status == 200
            assert list(book) == ["lastUpdateId", "E", "T", "bids", "asks"]
            assert [book[key] for key in book] == [told[key] for key in ("u", "E", "T", "b", "a")]
            compared += 1
    assert compared > 200


# Candles


def trades_of(path):
    """Every trade of a recording, straight from its files."""
    for part in sorted(path.glob("*.gz")):
        with gzip.open(part, "rt") as lines:
            for line in lines:
                if "@trade" in line[:60]:
                    yield json.loads(line.partition(" ")[2])["data"]


def summed(path, minute_ms, quote_scale, base_scale):
    trades = [t for t in trades_of(path) if t["T"] // 60_000 * 60_000 == minute_ms]
    prices = [t["p"] for t in trades]
    base, quote = Decimal(0), Decimal(0)
    taker_base, taker_quote = Decimal(0), Decimal(0)
    for trade in trades:
        base += Decimal(trade["q"])
        quote += Decimal(trade["q"]) * Decimal(trade["p"])
        if not trade["m"]:
            taker_base += Decimal(trade["q"])
            taker_quote += Decimal(trade["q"]) * Decimal(trade["p"])
    return [
        minute_ms,
        prices[0],
        max(prices, key=float),
        min(prices, key=float),
        prices[-1],
        f"{base:.{base_scale}f}",
        minute_ms + 59_999,
        f"{quote:.{quote_scale}f}",
        len(trades),
        f"{taker_base:.{base_scale}f}",
        f"{taker_quote:.{quote_scale}f}",
        "0",
    ]


@pytest.mark.parametrize(
    ("name", "minutes", "scales"),
    [("hftbacktest/spot", 10, (8, 8)), ("hftbacktest/usdm", 5, (5, 3))],
)
def test_candles_are_summed_from_trades_for_minutes_that_lie_inside(name, minutes, scales):
    replay, _ = played(name)
    frames = [message["k"] for message in told(name, "btcusdt@kline_1m")]
    closed = [k for k in frames if k["x"]]
    first_ms = 1_723_161_300_000  # 23:55:00
    end_ms = first_ms + len(closed) * 60_000 - 1
    target = f"{prefix(replay)}/klines?symbol=BTCUSDT&interval=1m&endTime={end_ms}"
    status, rows = ask(replay, target)
    assert status == 200
    assert len(closed) in (minutes, minutes - 1)  # the last may still be open at the end
    keys = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
    for number in range(0, len(closed), 2):
        expected = summed(RECORDED / name, first_ms + number * 60_000, *scales)
        assert rows[number] == expected
        assert [closed[number][key] for key in keys] == expected
    assert [k["t"] for k in closed] == [first_ms + n * 60_000 for n in range(len(closed))]
    opened = [k["t"] for k in frames]
    assert opened == sorted(opened)


def test_longer_candles_are_summed_too_if_they_lie_inside():
    replay, _ = played("hftbacktest/spot")
    _, ones = ask(replay, "/api/v3/klines?symbol=BTCUSDT&interval=1m")
    _, fives = ask(replay, "/api/v3/klines?symbol=BTCUSDT&interval=5m")
    assert [row[0] for row in fives[:2]] == [1_723_161_300_000, 1_723_161_600_000]
    for five, parts in zip(fives[:2], (ones[:5], ones[5:10]), strict=True):
        assert five[1] == parts[0][1]
        assert five[4] == parts[-1][4]
        assert five[8] == sum(part[8] for part in parts)
        assert Decimal(five[7]) == sum(Decimal(part[7]) for part in parts)
    assert ask(replay, "/api/v3/klines?symbol=BTCUSDT&interval=1w")[0] == 503


@pytest.mark.parametrize("name", CRYPTOFEED)
def test_recorded_klines_are_the_rows_of_rest(name):
    replay = Replay(RECORDED / name)
    streams = [stream for stream in replay.recording.streams if "@kline_1m" in stream]
    for stream in streams:
        replay.subscribe(stream)
    compared = 0
    for at_ms in replay.recording.instants:
        newest = {message.stream: message for message in replay.advance(at_ms)}
        for message in newest.values():
            kline = json.loads(message.payload)["k"]
            target = f"{prefix(replay)}/klines?symbol={kline['s']}&interval=1m&limit=2"
            status, rows = ask(replay, target)
            if status != 200:
                assert kline["x"]  # the next candle is unknown for now
                continue
            expected = [kline[key] for key in "tohlcvTqnVQ"]
            assert [*expected, "0"] in rows
            compared += 1
    assert compared >= 2


def test_a_candle_that_is_over_is_not_shown_as_the_present_one():
    replay = Replay(RECORDED / "cryptofeed/BINANCE_FUTURES")
    close_ms = 1_626_992_759_999
    target = "/fapi/v1/klines?symbol=AKROUSDT&interval=1m"
    replay.advance(close_ms)
    assert ask(replay, target)[0] == 200
    replay.advance(close_ms + 2_003)  # its final message comes one millisecond later
    assert ask(replay, target)[0] == 503


def test_a_minute_with_no_trade_is_known_when_trades_were_recorded():
    replay = Replay(RECORDED / "cryptofeed/BINANCE_TR")
    replay.advance(replay.recording.instants[-1])
    status, rows = ask(replay, "/api/v3/klines?symbol=BELBTC&interval=1m")
    assert status == 200
    closed, open_ = rows[-2:]
    assert closed[0] == 1_681_153_980_000
    assert open_ == [
        1_681_154_040_000,
        *["0.00002369"] * 4,
        "0.00000000",
        1_681_154_099_999,
        "0.00000000",
        0,
        "0.00000000",
        "0.00000000",
        "0",
    ]


# REST, the rest


def test_exchange_info_ping_time_and_book_ticker_are_answered():
    replay = Replay(RECORDED / "cryptofeed/BINANCE_DELIVERY")
    document = next(e.body for e in replay.recording.events() if "exchangeInfo" in e.target)
    replay.advance(replay.recording.instants[-1])
    assert replay.reply(Request("GET", "/fapi/v1/exchangeInfo")).body == document
    assert ask(replay, "/fapi/v1/ping") == (200, {})
    assert ask(replay, "/fapi/v1/time") == (200, {"serverTime": replay.now_ms})
    status, ticker = ask(replay, "/fapi/v1/ticker/bookTicker?symbol=ETHUSD_210924")
    told = [e.body for e in replay.recording.events() if e.stream == "ethusd_210924@bookTicker"]
    last = json.loads(told[-1])
    assert status == 200
    assert ticker == {
        "symbol": "ETHUSD_210924",
        "bidPrice": last["b"],
        "bidQty": last["B"],
        "askPrice": last["a"],
        "askQty": last["A"],
        "time": last["T"],
        "lastUpdateId": last["u"],
    }


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("ticker/24hr?symbol=NKNUSDT", 503, -1001),
        ("depth?symbol=ETHBTC", 503, -1001),
        ("klines?symbol=NKNUSDT&interval=5m", 503, -1001),
        ("exchangeInfo?symbol=NKNUSDT", 503, -1001),
        ("depth?symbol=NOSUCH", 400, -1121),
        ("depth", 400, -1102),
        ("depth?symbol=nknusdt", 400, -1100),
        ("depth?symbol=NKNUSDT&limit=x", 400, -1100),
        ("klines?symbol=NKNUSDT&interval=7m", 400, -1120),
        ("klines?symbol=NKNUSDT&interval=1m&startTime=0", 503, -1001),
    ],
)
def test_what_is_not_known_is_an_error_in_binances_shape(target, status, code):
    replay = Replay(RECORDED / "cryptofeed/BINANCE")
    replay.advance(replay.recording.instants[-1])
    answered, error = ask(replay, f"/api/v3/{target}")
    assert (answered, error["code"]) == (status, code)
    assert ask(replay, "/elsewhere") == (404, None)


def test_after_its_end_a_recording_knows_nothing_of_the_present():
    replay = Replay(RECORDED / "cryptofeed/BINANCE")
    replay.advance(replay.recording.instants[-1])
    target = "/api/v3/depth?symbol=NKNUSDT&limit=5"
    assert ask(replay, target)[0] == 200
    end_ms = replay.now_ms
    replay.advance(end_ms + 60_000)
    assert ask(replay, target)[0] == 503
    assert ask(replay, target, as_of_ms=end_ms)[0] == 200
    with pytest.raises(ValueError, match="not been published"):
        ask(replay, target, as_of_ms=replay.now_ms + 1)


def test_a_diff_stream_of_another_speed_gets_the_recorded_diffs():
    replay = Replay(RECORDED / "hftbacktest/usdm")
    names = ["btcusdt@depth@0ms", "btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@depth@250ms"]
    for name in names:
        replay.subscribe(name)
    played = replay.advance(replay.now_ms + 2_000)
    by_name = {name: [m.payload for m in played if m.stream == name] for name in names}
    assert len(by_name["btcusdt@depth"]) > 20
    assert by_name["btcusdt@depth"] == by_name["btcusdt@depth@100ms"] == by_name[names[0]]
    assert by_name["btcusdt@depth@250ms"] == []


def test_a_hosted_recording_can_be_stepped_from_instant_to_instant():
    replay = Replay(RECORDED / "cryptofeed/BINANCE_FUTURES")
    with (
        Simulator(replay, paused=True) as sim,
        connect(sim, "/public/stream?streams=sushiusdt@depth5@100ms") as client,
    ):
        eventually(lambda: len(sim.connections) == 1)
        compared = 0
        for at_ms in replay.recording.instants[:200]:
            before = sim.last_sent("sushiusdt@depth5@100ms")
            sim.step(at_ms - sim.now_ms)
            sent = sim.last_sent("sushiusdt@depth5@100ms")
            if sent != before:
                compared += 1
                seen = json.loads(client.recv())["data"]
                while seen["u"] != json.loads(sent.payload)["u"]:
                    seen = json.loads(client.recv())["data"]
                book = json.loads(sim.reply("GET", "/fapi/v1/depth?symbol=SUSHIUSDT&limit=5").body)
                assert (book["lastUpdateId"], book["bids"]) == (seen["u"], seen["b"])
        assert compared > 10
