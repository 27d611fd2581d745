"""What the options that change answers change, and that they change nothing else."""

from collections.abc import Iterator
from time import monotonic

import orjson
import pytest

from tests.fidelity.judge import BEST
from tests.fidelity.observation import streams_of
from tests.fidelity.scene import EXCHANGE_INFO, KLINES, TICKER, Scene, elapsed_ms, key_of, scene
from tests.fidelity.stops import MINUTE_MS, NEW_YEAR_MS

CLOSE_WAIT_MS = 4000
OPTIONS = {
    "BPX_FEAT_DISABLE_FAKE_CANDLES": "true",
    "BPX_TICKER_LAST_PRICE": "book",
    "BPX_CANDLES_CLOSE_WAIT_SPOT": f"{CLOSE_WAIT_MS}ms",
    "BPX_CANDLES_CLOSE_WAIT_FUTURES": f"{CLOSE_WAIT_MS}ms",
    "BPX_WS_ENABLE_HEALTH_CHECK": "false",  # only who asks has REST asked
}
FINAL_MS = {"spot": 50, "futures": 400}  # the final message has come so long after the end
ROWS = {"1m": 2, "5m": 1, "15m": 100, "1h": 500, "1d": 3, "3d": 20, "1w": 10, "1M": 2}
SYMBOLS = {"spot": ("BTCUSDT", "BTCTRY"), "futures": ("BTCUSDT", "SUSHIUSDT")}


@pytest.fixture(scope="module", params=["spot", "futures"])
def optioned(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A scene with streams for all that is asked here, five seconds before a year ends."""
    with scene(request.param, NEW_YEAR_MS - 10_000, **OPTIONS) as made:
        wanted: set[str] = set()
        for endpoint, target in asked_in(made):
            made.fetch("GET", target)
            wanted.update(streams_of(made.market, endpoint, target))
        made.await_streams(wanted)
        made.step(5_000)
        yield made


def asked_in(made: Scene) -> list[tuple[str, str]]:
    return [
        *(
            (KLINES, klines(made, name, interval))
            for name in SYMBOLS[made.market]
            for interval in ROWS
        ),
        (TICKER, f"{made.path(TICKER)}?symbol=BTCUSDT"),
    ]


def now_of(made: Scene, target: str) -> dict[str, str]:
    ticker: dict[str, str] = orjson.loads(made.truth(target))
    return ticker


def klines(made: Scene, symbol: str, interval: str) -> str:
    query = f"symbol={symbol}&interval={interval}&limit={ROWS[interval]}"
    return f"{made.path(KLINES)}?{query}"


def go_to(made: Scene, at_ms: int) -> None:
    made.step(at_ms - made.sim.now_ms)


def ends_with_final(made: Scene, target: str) -> bool:
    """Whether the newest message about some candles is the final one of the last candle."""
    sent = made.last_sent(streams_of(made.market, KLINES, target)[0])
    assert sent is not None
    return bool(orjson.loads(sent.payload)["k"]["x"])


def test_without_made_candles_the_list_ends_with_the_closed_row_and_is_as_long(
    optioned: Scene,
) -> None:
    made = optioned
    go_to(made, NEW_YEAR_MS + FINAL_MS[made.market])
    compared = 0
    for endpoint, target in asked_in(made):
        if endpoint != KLINES or not ends_with_final(made, target):
            continue
        answer = made.fetch("GET", target)
        at_the_end = made.truth(target, NEW_YEAR_MS - 1)
        assert (answer.body, answer.source) == (at_the_end, "websocket"), target
        assert "Data-Synthetic" not in answer.headers
        now = orjson.loads(made.truth(target))
        assert len(orjson.loads(answer.body)) == len(now)
        assert now[-1][0] == NEW_YEAR_MS
        compared += 1
    assert compared >= len(ROWS)


def test_without_made_candles_the_new_candle_shows_with_its_first_message(
    optioned: Scene,
) -> None:
    made = optioned
    target = klines(made, "BTCUSDT", "1d")
    go_to(made, NEW_YEAR_MS + 5_000)
    sent = made.last_sent("btcusdt@kline_1d")
    assert sent is not None
    answer = made.fetch("GET", target)
    assert (answer.body, answer.source) == (made.truth(target, sent.at_ms), "websocket")
    assert orjson.loads(answer.body)[-1][0] == NEW_YEAR_MS


def test_the_last_price_can_be_the_book_tickers_where_tickers_have_one(optioned: Scene) -> None:
    made, target = optioned, f"{optioned.path(TICKER)}?symbol=BTCUSDT"
    if made.market == "futures":
        made.step(777)
        sent = made.last_sent("btcusdt@ticker")
        assert sent is not None
        assert made.fetch("GET", target).body == made.truth(target, sent.at_ms)
        return
    differed = 0
    for _ in range(5):
        made.step(777)
        best = {name: now_of(made, target)[name] for name in BEST}
        for asked in (target, f"{target}&type=MINI"):
            sent = made.last_sent("btcusdt@ticker")
            assert sent is not None
            ticker = orjson.loads(made.truth(asked, sent.at_ms))
            differed += ticker["lastPrice"] != best["askPrice"]
            ticker |= {name: text for name, text in best.items() if name in ticker}
            answer = made.fetch("GET", asked)
            expected = orjson.dumps({**ticker, "lastPrice": best["askPrice"]})
            assert (answer.body, answer.source) == (expected, "websocket")
    assert differed >= 4


def test_a_candle_that_has_ended_is_waited_for_and_then_rest_is_asked_once(
    optioned: Scene,
) -> None:
    made = optioned
    began = monotonic()
    go_to(made, NEW_YEAR_MS + MINUTE_MS)  # from here on the proxy's clock goes on
    target = klines(made, "BTCUSDT", "1m")
    before = loads(made, target)
    answer = made.fetch("GET", target)
    assert elapsed_ms(began) >= CLOSE_WAIT_MS
    assert answer.body == made.truth(target)
    assert orjson.loads(answer.body)[-1][0] == NEW_YEAR_MS + MINUTE_MS
    assert loads(made, target) == before + 1
    assert made.fetch("GET", target).body == answer.body
    assert loads(made, target) == before + 1, "nor was anything waited for: REST would follow"


def test_the_wait_ends_with_the_final_message_and_rest_is_not_asked(optioned: Scene) -> None:
    made = optioned
    end_ms = NEW_YEAR_MS + 2 * MINUTE_MS
    go_to(made, end_ms)
    target = klines(made, SYMBOLS[made.market][1], "1m")
    before = loads(made, target)
    with made.asking("GET", target) as waiting:
        made.fetch("GET", made.path(EXCHANGE_INFO))  # came later, so the other is being served
        made.sim.step(FINAL_MS[made.market])
        answer = waiting()
    assert (answer.body, answer.source) == (made.truth(target, end_ms - 1), "websocket")
    assert loads(made, target) == before


def loads(made: Scene, target: str) -> int:
    """Return how often the proxy has asked REST for what a request is about."""
    made.note_loads()
    return len(made.loads[key_of(target)])
