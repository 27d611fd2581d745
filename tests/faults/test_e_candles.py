"""Candles whose messages are lost, late, or not there: E5-E8; and answers of either source: E17."""

import json
from collections.abc import Iterator, Sequence
from random import Random
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from bpx.feed.feed import RETRY_S
from bpx.simulator.faults import Refusal
from tests.faults.figures import figure
from tests.faults.inside import inside
from tests.faults.scale import full_or
from tests.fidelity.scene import DEPTH, KLINES, TICKER, Scene, key_of, scene
from tests.fidelity.stops import MINUTE_MS, NEW_YEAR_MS
from tests.peers.place import QUICKEST
from tests.waiting import eventually

FINAL_MS = {"spot": 60, "futures": 450}  # the final message of a candle has come by then
BUSY = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
QUIET = {"spot": "BTCTRY", "futures": "SUSHIUSDT"}
OPTIONS = {
    "BPX_FRESH_QUIET_CHECK": "500ms",
    "BPX_FRESH_CHECK_INTERVAL": "1s",
    "BPX_WS_RECONNECT_DELAY": "50ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "1s",
}


@pytest.fixture(scope="module", params=["spot", "futures"])
def walked(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """An exchange that is moved from test to test, through one hour after the other."""
    with scene(request.param, NEW_YEAR_MS - 10_000, **OPTIONS) as made:
        yield made


@pytest.fixture
def made(walked: Scene) -> Iterator[Scene]:
    """The scene without faults, 40 seconds before a minute ends."""
    walked.step(2 * MINUTE_MS - walked.sim.now_ms % MINUTE_MS + 20_000)
    yield walked
    walked.sim.faults.clear()


def klines(made: Scene, symbol: str, rows: int = 8, interval: str = "1m") -> str:
    return f"{made.path(KLINES)}?symbol={quote(symbol)}&interval={interval}&limit={rows}"


def follow(made: Scene, *targets: str) -> None:
    for target in targets:
        made.fetch("GET", target)
    asked = [dict(parse_qsl(target.partition("?")[2])) for target in targets]
    made.await_streams({f"{one['symbol'].lower()}@kline_{one['interval']}" for one in asked})


def is_final(payload: bytes) -> bool:
    return b'"x":true' in payload


def differing(made: Scene, target: str) -> list[str]:
    """Ask, and return what is wrong with the list or with its closed rows."""
    answer = made.fetch("GET", target)
    ours, true = json.loads(answer.body), json.loads(made.truth(target))
    if [row[0] for row in ours] != [row[0] for row in true]:
        return [f"{target} at {made.sim.now_ms}: open times of {answer.source}"]
    return [
        f"{target} at {made.sim.now_ms} from {answer.source}: {mine} is not {row}"
        for mine, row in zip(ours[:-1], true[:-1], strict=True)
        if mine != row
    ]


# E5


def test_e5_candles_are_whole_whatever_is_lost(made: Scene) -> None:
    random, dropped = Random(5), 0

    def one_in_fifty(payload: bytes) -> Sequence[bytes]:
        nonlocal dropped
        is_lost = random.random() < (0.5 if is_final(payload) else 0.02)
        dropped += is_lost
        return [] if is_lost else [payload]

    targets = [klines(made, name) for name in (*BUSY, QUIET[made.market])]
    follow(made, *targets)
    made.sim.faults.alter("*@kline_1m", one_in_fifty)
    found, answers = [], 0
    for _ in range(full_or(600, 60)):
        made.step(random.choice((40, 500, 1_900, 4_000, 9_000)))
        for target in targets:
            found += differing(made, target)
            answers += 1
    figure("E5", market=made.market, dropped=dropped, answers=answers, differing=len(found))
    assert not found, "\n".join(found[:5])
    assert dropped >= 10


def test_e5_a_close_that_was_lost_is_fetched_within_five_seconds(made: Scene) -> None:
    targets = [klines(made, name) for name in BUSY[:2]]
    follow(made, *targets)
    made.sim.faults.alter("*@kline_1m", lambda good: [] if is_final(good) else [good])
    longest_ms = 0
    for _ in range(full_or(20, 3)):
        Event().wait(RETRY_S)  # what was repaired a moment ago is not repaired again
        made.step(MINUTE_MS - made.sim.now_ms % MINUTE_MS)
        edge_ms = made.sim.now_ms
        for _ in range(10):  # and nobody asks
            made.step(500)
        for target in targets:
            fetched = [at_ms for at_ms in made.loads[key_of(target)] if at_ms > edge_ms]
            assert fetched, f"{target}: nothing was fetched in 5 s after {edge_ms}"
            longest_ms = max(longest_ms, fetched[0] - edge_ms)
            assert made.fetch("GET", target).source == "websocket"
            assert not differing(made, target)
    figure("E5", market=made.market, fetched_after_ms=longest_ms)


def test_e5_candles_are_whole_after_a_reconnect_across_an_edge(made: Scene) -> None:
    targets = [klines(made, name) for name in (*BUSY, QUIET[made.market])]
    follow(made, *targets)
    for _ in range(3):  # more would use up the attempts to connect of 5 minutes
        made.step(MINUTE_MS - made.sim.now_ms % MINUTE_MS - 200)
        streams = made.streams()
        made.sim.faults.refuse_handshakes(Refusal(503))
        made.sim.drop_connections()
        eventually(lambda: made.fetch("GET", targets[0]).source != "websocket")
        Event().wait(1.05)  # what REST said a moment ago is not said again
        made.sim.step(200 + 300)  # across the edge
        assert not [fault for target in targets for fault in differing(made, target)]
        made.sim.faults.clear()
        made.await_streams(streams)
        made.step(2_500)
        assert not [fault for target in targets for fault in differing(made, target)]


# E6


@pytest.mark.parametrize("after_ms", [1_000, 5_000, 30_000])
def test_e6_half_a_candle_is_never_served_as_a_closed_one(made: Scene, after_ms: int) -> None:
    targets = [klines(made, name) for name in (*BUSY, QUIET[made.market])]
    follow(made, *targets)
    made.step(4_000)
    made.sim.faults.silence("*@kline_1m")  # at 40 % of the candle
    made.step(MINUTE_MS - made.sim.now_ms % MINUTE_MS + after_ms)
    found = [fault for target in targets for fault in differing(made, target)]
    figure("E6", market=made.market, after_ms=after_ms, half_candles=len(found))
    assert not found, found


def test_e6_nor_is_it_when_the_whole_connection_says_nothing() -> None:
    target = "klines?symbol=BTCUSDT&interval=1s&limit=5"
    with inside("spot", **QUICKEST) as here:
        here.follow(target)
        here.exchange.faults.black_hole()
        wrong, answers, until_ms = [], 0, here.exchange.now_ms + full_or(30_000, 5_000)
        while here.exchange.now_ms < until_ms:
            before_ms = here.exchange.now_ms
            rows = here.ask(target).content
            closed = {row[0]: row for row in json.loads(here.truth(target.replace("=5", "=20")))}
            # The proxy's clock may be a little behind: what it takes to be open is the last row.
            wrong += [row for row in rows[:-1] if row != closed[row[0]]]
            answers += 1
            if rows[-1][6] < before_ms - 1_500:
                wrong.append(rows[-1])
            Event().wait(0.1)
    figure("E6", answers=answers, half_candles=len(wrong))
    assert not wrong


# E7


def test_e7_candles_without_trades_are_those_of_the_exchange(made: Scene) -> None:
    symbol = QUIET[made.market]
    target, whole = klines(made, symbol), klines(made, symbol, rows=20)
    follow(made, target)
    exchange = made.sim.venue
    made.sim.call(lambda: exchange.still(symbol, 7 * MINUTE_MS))  # type: ignore[attr-defined]
    compared = 0
    for _ in range(6):
        made.step(MINUTE_MS - made.sim.now_ms % MINUTE_MS + FINAL_MS[made.market])
        for ms in (0, 1_000, 20_000):
            made.step(ms)
            for asked in (target, whole):
                assert made.fetch("GET", asked).body == made.truth(asked)
                compared += 1
    flat = [row for row in json.loads(made.truth(target)) if row[8] == 0]
    assert len(flat) >= 5
    assert all(len(set(row[1:5])) == 1 and float(row[5]) == 0 for row in flat)
    figure("E7", market=made.market, answers=compared, rows_without_trades=len(flat))


# E8


def test_e8_every_cell_is_as_the_exchange_writes_it(made: Scene) -> None:
    rows = full_or(1_000, 100)
    names = {
        "spot": ("BTCUSDT", "PEPEUSDT", "SHIBUSDT", "BTCTRY", "ETHBTC", "OGNBTC", "XRPBTC"),
        "futures": ("BTCUSDT", "1000PEPEUSDT", "SUSHIUSDT", "AKROUSDT", "SUIUSDT", "币安人生USDT"),
    }[made.market]
    asked = [(name, "1m") for name in names] + [(name, "5m") for name in names[:4]]
    targets = [klines(made, name, rows, interval) for name, interval in asked]
    follow(made, *targets)
    for _ in range(6):  # whole candles of the stream among those of REST
        made.step(MINUTE_MS - made.sim.now_ms % MINUTE_MS + FINAL_MS[made.market])
    compared = 0
    for target in targets:
        answer = made.fetch("GET", target)
        ours, true = answer.body.split(b"],["), made.truth(target).split(b"],[")
        assert ours[:-1] == true[:-1]
        assert answer.source == "websocket"
        compared += len(ours) - 1
        cells: list[list[Any]] = json.loads(answer.body)
        kinds = [int, str, str, str, str, str, int, str, int, str, str, str]
        assert [type(cell) for cell in cells[-1]] == kinds
    figure("E8", market=made.market, rows=compared, cells=12 * compared, differing=0)
    assert compared >= full_or(9_000, 900)


# E17


def test_e17_answers_of_streams_and_of_rest_have_one_shape(made: Scene) -> None:
    endpoints = {
        KLINES: "symbol={}&interval=1m&limit=50",
        DEPTH: "symbol={}&limit=20",
        TICKER: "symbol={}",
    }
    samples = full_or(1_000, 100)
    targets = {
        endpoint: [f"{made.path(endpoint)}?{query.format(name)}" for name in BUSY]
        for endpoint, query in endpoints.items()
    }
    for several in targets.values():
        for target in several:
            made.fetch("GET", target)
    Event().wait(0.5)  # while streams are subscribed
    made.step(3_000)
    compared = dict.fromkeys(endpoints, 0)
    while min(compared.values()) < samples:
        made.step(700)
        for endpoint, several in targets.items():
            for target in several:
                answer = made.fetch("GET", target)
                if answer.source == "websocket":
                    theirs = json.loads(made.truth(target))
                    assert shape(json.loads(answer.body)) == shape(theirs), target
                    compared[endpoint] += 1
    figure("E17", market=made.market, **{name.split("/")[0]: n for name, n in compared.items()})


def shape(content: Any) -> Any:
    """Return a document with the type of each value in its place, keys in their order."""
    if isinstance(content, dict):
        return [(name, shape(value)) for name, value in content.items()]
    if isinstance(content, list):
        return [shape(value) for value in content]
    return type(content)
