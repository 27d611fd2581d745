"""The exchange as a whole: one past whatever the steps, a past that can be asked."""

import pytest

from bpx.simulator.venue import Request
from tests.simulator.market_access import START_MS, exchange, get, of, reply, run

STREAMS = {
    "spot": "kline_1s kline_1m kline_1m@+08:00 depth depth@100ms depth5 depth20@100ms bookTicker"
    " trade aggTrade ticker miniTicker avgPrice ticker_1h",
    "futures": "kline_1m depth depth@500ms depth5@500ms depth20@100ms bookTicker trade aggTrade"
    " ticker miniTicker markPrice markPrice@1s",
}
ARRAYS = {
    "spot": ["!miniTicker@arr"],
    "futures": [
        "!ticker@arr",
        "!markPrice@arr@1s",
        "!bookTicker",
        "btcusdt_perpetual@continuousKline_1m",
    ],
}


def subscribed(market, has_arrays=False):
    venue = exchange(market)
    for stream in STREAMS[market].split():
        venue.subscribe(f"btcusdt@{stream}")
        venue.subscribe(f"avaxusdt@{stream}")
    for stream in ARRAYS[market] if has_arrays else []:
        venue.subscribe(stream)
    return venue


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_what_happens_does_not_depend_on_the_steps_of_time(market):
    coarse, fine = subscribed(market), subscribed(market)
    assert run(coarse, 30_000, step_ms=30_000) == run(fine, 30_000, step_ms=37)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_every_subscribed_stream_publishes_in_order_of_time(market):
    venue = subscribed(market, has_arrays=True)
    messages = run(venue, 61_000)
    names = {f"btcusdt@{stream}" for stream in STREAMS[market].split()} | set(ARRAYS[market])
    assert {m.stream for m in messages} >= names
    times = [m.at_ms for m in messages]
    assert times == sorted(times)
    assert times[0] > START_MS
    assert times[-1] <= venue.now_ms


def test_a_symbol_touched_late_has_the_same_past():
    early, late = exchange("spot"), exchange("spot")
    get(early, "depth?symbol=DOGEUSDT")
    run(early, 60_000)
    run(late, 60_000)
    for tail in ("depth?symbol=DOGEUSDT", "trades?symbol=DOGEUSDT", "ticker/24hr?symbol=DOGEUSDT"):
        assert get(early, tail) == get(late, tail)


def test_another_seed_is_another_market():
    one, two = exchange("spot"), exchange("spot", seed=2)
    assert get(one, "trades?symbol=BTCUSDT") != get(two, "trades?symbol=BTCUSDT")


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_past_answers_as_it_did_then(market):
    venue = exchange(market)
    tails = [
        "klines?symbol=ETHUSDT&interval=1m&limit=5",
        "klines?symbol=ETHUSDT&interval=1M&limit=5",
        "depth?symbol=ETHUSDT&limit=100",
        "ticker/24hr?symbol=ETHUSDT",
        "ticker/bookTicker?symbol=ETHUSDT",
        "ticker/price?symbol=ETHUSDT",
        "trades?symbol=ETHUSDT&limit=5",
        "aggTrades?symbol=ETHUSDT&limit=5",
    ]
    seen = []
    for _ in range(20):
        run(venue, 777)
        seen += [(tail, venue.now_ms, reply(venue, tail).body) for tail in tails]
    run(venue, 300_000)
    for tail, at_ms, body in seen:
        assert reply(venue, tail, as_of_ms=at_ms).body == body


def test_an_answer_about_the_past_counts_nothing():
    venue = exchange("spot")
    run(venue, 1_000)
    reply(venue, "depth?symbol=BTCUSDT&limit=5000", as_of_ms=venue.now_ms - 500)
    assert reply(venue, "ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_aggregates_are_their_trades():
    venue = exchange("futures")
    venue.subscribe("btcusdt@aggTrade")
    venue.subscribe("btcusdt@trade")
    messages = run(venue, 30_000)
    trades = {t["t"]: t for _, t in of(messages, "btcusdt@trade")}
    rows = {r["a"]: r for r in get(venue, "aggTrades?symbol=BTCUSDT&limit=1000")}
    several = 0
    for at_ms, aggregate in of(messages, "btcusdt@aggTrade"):
        parts = [trades[i] for i in range(aggregate["f"], aggregate["l"] + 1)]
        several += len(parts) > 1
        assert {p["p"] for p in parts} == {aggregate["p"]}
        assert {p["m"] for p in parts} == {aggregate["m"]}
        assert sum(round(float(p["q"]) * 1_000) for p in parts) == round(
            float(aggregate["q"]) * 1_000
        )
        assert {p["T"] // 100 for p in parts} == {at_ms // 100 - 1}
        assert all(aggregate[key] == value for key, value in rows[aggregate["a"]].items())
    assert several


def test_the_mark_price_stream_is_the_premium_index():
    venue = exchange("futures")
    venue.subscribe("btcusdt@markPrice@1s")
    for at_ms, frame in of(run(venue, 10_000), "btcusdt@markPrice@1s"):
        body = get(venue, "premiumIndex?symbol=BTCUSDT", as_of_ms=at_ms)
        names = "markPrice indexPrice estimatedSettlePrice lastFundingRate nextFundingTime time"
        assert [frame[key] for key in ("p", "i", "P", "r", "T", "E")] == [
            body[name] for name in names.split()
        ]


def test_the_average_price_stream_is_the_rest_body():
    venue = exchange("spot")
    venue.subscribe("solusdt@avgPrice")
    for at_ms, frame in of(run(venue, 10_000), "solusdt@avgPrice"):
        assert get(venue, "avgPrice?symbol=SOLUSDT", as_of_ms=at_ms) == {
            "mins": 5,
            "price": frame["w"],
            "closeTime": frame["T"],
        }


def test_streams_that_do_not_exist_stay_silent():
    venue = exchange("futures")
    names = "BTCUSDT@kline_1m btcusdt@kline_1s nope@trade btcusdt@depth5@250ms !nope@arr"
    more = "btcusdt@nope srmusdt@markPrice btcusdt@kline_1m@+08:00"
    for stream in f"{names} {more}".split(" "):
        venue.subscribe(stream)
    assert run(venue, 70_000) == []


def test_an_unsubscribed_stream_stops():
    venue = exchange("spot")
    venue.subscribe("btcusdt@trade")
    venue.subscribe("btcusdt@depth@100ms")
    assert run(venue, 5_000)
    venue.unsubscribe("btcusdt@trade")
    venue.unsubscribe("btcusdt@depth@100ms")
    assert run(venue, 5_000) == []


def test_the_frames_have_binances_keys_in_their_order():
    keys = {}
    for market in ("spot", "futures"):
        for message in run(subscribed(market), 30_000):
            if message.stream.startswith("btcusdt"):
                ((_, frame),) = of([message], message.stream)
                keys[market, message.stream.partition("@")[2]] = list(frame)
    assert keys["spot", "kline_1m"] == ["e", "E", "s", "k"]
    assert keys["spot", "depth@100ms"] == ["e", "E", "s", "U", "u", "b", "a"]
    assert keys["spot", "depth20@100ms"] == ["lastUpdateId", "bids", "asks"]
    assert keys["spot", "bookTicker"] == ["u", "s", "b", "B", "a", "A"]
    assert keys["spot", "trade"] == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
    assert keys["spot", "aggTrade"] == ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"]
    assert keys["spot", "ticker"] == ["e", "E", "s", *"pPwxcQbBaAohlvqOCFLn"]
    assert keys["spot", "miniTicker"] == ["e", "E", "s", *"cohlvq"]
    assert keys["spot", "ticker_1h"] == ["e", "E", "s", *"pPohlcwvqOCFLn"]
    assert keys["futures", "depth20@100ms"] == [
        "e", "E", "T", "s", "U", "u", "pu", "b", "a", "ps", "st",
    ]  # fmt: skip
    assert keys["futures", "depth"] == keys["futures", "depth20@100ms"]
    assert keys["futures", "bookTicker"] == ["e", "u", "E", "T", "s", "ps", *"bBaA", "st"]
    assert keys["futures", "ticker"] == ["e", "E", "s", *"pPwcQohlvqOCFLn", "ps", "st"]
    assert keys["futures", "aggTrade"] == ["e", "E", "s", *"apq", "nq", *"flTm", "st"]
    assert keys["futures", "markPrice"] == ["e", "E", "s", *"piPr", "ap", "T", "st"]
    assert keys["futures", "trade"] == ["e", "E", "T", "s", *"tpqXm", "st"]


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_head_is_answered_as_get_and_is_no_order(market):
    venue = exchange(market)
    path = {"spot": "/api/v3/time", "futures": "/fapi/v1/time"}[market]
    head, got = (venue.reply(Request(method, path)) for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (got.status, got.body)
    assert venue.ledger == []
