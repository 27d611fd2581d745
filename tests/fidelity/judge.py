"""Whether an answer is what the exchange would have answered: to the byte, or by how much not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from bpx.simulator.hub import Sent
from tests.fidelity.scene import DEPTH, EXCHANGE_INFO, KLINES, TICKER, Answer, Scene

# How old the newest part of an answer may be: the stream's update speed, in milliseconds. All that
# is older than that (closed candles among it) is what the exchange has now.
#
#   market    what              stream            what may be so old
LAG_MS = {
    ("spot", "klines"): 2000,  #     @kline_<i>        the open candle
    ("spot", "klines 1s"): 1000,  #  @kline_1s         the open candle
    ("spot", "depth"): 100,  #       @depth20@100ms    the levels
    ("spot", "ticker/24hr"): 1000,  # @ticker          all but bid and ask (@bookTicker: as of now)
    ("futures", "klines"): 250,  #   @kline_<i>        the open candle
    ("futures", "depth"): 100,  #    @depth20@100ms    the levels
    ("futures", "ticker/24hr"): 2000,  # @ticker       everything
}
# The first message of a candle comes one update after the final message of the one before, which
# comes up to so many milliseconds after its end.
CLOSE_MS = {"spot": 50, "futures": 400}
BEST = ("bidPrice", "bidQty", "askPrice", "askQty")
WINDOW = ("openTime", "closeTime")  # of a ticker: those of the last message


@dataclass(frozen=True)
class Observation:
    """One answer, and what the exchange had published by then.

    Args:
        at_ms: exchange time.
        sent: the newest message of the stream that the answer may be made from.
        was_sent_now: whether it was published in the last step.
        load_ms: when the proxy last asked REST for this on its own account.
        lists_ms: when it asked for exchangeInfo, the newest last.
        since_step_ms, since_start_ms: real time since the last step, since the first question.
        is_warm: whether its streams, if it has any, had been subscribed before.
    """

    scene: Scene
    endpoint: str
    target: str
    at_ms: int
    answer: Answer
    sent: Sent | None
    was_sent_now: bool
    load_ms: int | None
    lists_ms: tuple[int, ...]
    since_step_ms: float
    since_start_ms: float
    is_warm: bool

    def __str__(self) -> str:
        source = self.answer.headers.get("Data-Source")
        return f"{self.scene.market} {self.endpoint} {self.target} at {self.at_ms} from {source}"

    def truth(self, as_of_ms: int) -> bytes:
        return self.scene.truth(self.target, as_of_ms)

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2]))


def streams_of(market: str, endpoint: str, target: str) -> tuple[str, ...]:
    """Return the streams that an answer is made from, the one that dates it first."""
    params = dict(parse_qsl(target.partition("?")[2]))
    symbol = unquote(params.get("symbol", "")).lower()
    best = (f"{symbol}@bookTicker",) if market == "spot" else ()
    return {
        KLINES: (f"{symbol}@kline_{params.get('interval')}",),
        DEPTH: (f"{symbol}@depth20@100ms",),
        TICKER: (f"{symbol}@ticker", *best),
        EXCHANGE_INFO: (),
    }[endpoint]


def faults(seen: Observation) -> list[str]:
    """Return all that is wrong with an answer, each with what was asked and when."""
    found = [*_header_faults(seen), *_body_faults(seen)]
    return [f"{seen}: {fault}" for fault in found]


def _header_faults(seen: Observation) -> Iterator[str]:
    headers = seen.answer.headers
    source, age = headers.get("Data-Source"), headers.get("Data-Age-Ms")
    if source not in ("websocket", "cache", "upstream", "proxy"):
        yield f"Data-Source is {source}"
    if (age is not None) != (source in ("websocket", "cache")):
        yield f"Data-Age-Ms is {age}"
    elif age is not None:
        oldest_ms = seen.since_step_ms if _is_confirmed_now(seen) else seen.since_start_ms
        if not (age.isdecimal() and int(age) <= oldest_ms + 1):
            yield f"Data-Age-Ms is {age}, at most {oldest_ms:.0f} can have passed"
    synthetic = headers.get("Data-Synthetic")
    if synthetic != ("1" if _is_made_by_us(seen) else None):
        yield f"Data-Synthetic is {synthetic}"


def _body_faults(seen: Observation) -> Iterator[str]:
    now = seen.scene.sim.reply("GET", seen.target, seen.at_ms)
    if seen.answer.status != now.status:
        yield f"status {seen.answer.status} instead of {now.status}"
    elif seen.answer.body != now.body:
        if not seen.answer.is_ours or now.status != 200:
            yield _difference("REST now", seen.answer.body, now.body)
        else:
            yield from {
                KLINES: _klines_faults,
                DEPTH: _depth_faults,
                TICKER: _ticker_faults,
                EXCHANGE_INFO: _exchange_info_faults,
            }[seen.endpoint](seen, now.body)


def _klines_faults(seen: Observation, now: bytes) -> Iterator[str]:
    rows, rows_now = orjson.loads(seen.answer.body), orjson.loads(now)
    if [row[0] for row in rows] != [row[0] for row in rows_now]:
        yield _difference("the open times of REST now", seen.answer.body, now)
        return
    lag_ms = LAG_MS[seen.scene.market, "klines"]
    if seen.params["interval"] == "1s":
        lag_ms = LAG_MS[seen.scene.market, "klines 1s"]
    if not _has_message(seen, rows[-1][0]):
        lag_ms += CLOSE_MS[seen.scene.market]
    if _is_made_by_us(seen):
        expected = orjson.dumps([*rows_now[:-1], _flat(seen)])
        if seen.answer.body != expected:
            yield _difference("REST now with a flat last row", seen.answer.body, expected)
    else:
        as_of_ms = _as_of_ms(seen)
        expected = seen.truth(as_of_ms)
        if seen.answer.body != expected:
            yield _difference(f"REST as of {as_of_ms}", seen.answer.body, expected)
            return
    before_ms = seen.at_ms - lag_ms
    if before_ms >= rows[-1][0]:
        before = orjson.loads(seen.truth(before_ms))[-1]
        if before[8] > rows[-1][8]:
            yield f"lags by more than {lag_ms} ms: {rows[-1]}, not even {before}"


def _depth_faults(seen: Observation, _now: bytes) -> Iterator[str]:
    as_of_ms = _as_of_ms(seen)
    expected = seen.truth(as_of_ms)
    if seen.answer.body != expected:
        yield _difference(f"REST as of {as_of_ms}", seen.answer.body, expected)
    before_ms = seen.at_ms - LAG_MS[seen.scene.market, DEPTH]
    if as_of_ms < before_ms:
        ours, theirs = orjson.loads(seen.answer.body), orjson.loads(seen.truth(before_ms))
        if ours | {"E": 0} != theirs | {"E": 0}:
            yield f"lags by more than {seen.at_ms - before_ms} ms"


def _ticker_faults(seen: Observation, now: bytes) -> Iterator[str]:
    as_of_ms = _as_of_ms(seen)
    ticker_now = orjson.loads(now)
    best = {name: ticker_now[name] for name in BEST if name in ticker_now}
    expected = orjson.dumps(orjson.loads(seen.truth(as_of_ms)) | best)
    if seen.answer.body != expected:
        what = f"REST as of {as_of_ms} with the best prices of now"
        yield _difference(what, seen.answer.body, expected)
    before_ms = seen.at_ms - LAG_MS[seen.scene.market, TICKER]
    if as_of_ms < before_ms:
        ours = orjson.loads(seen.answer.body)
        window = {name: ours[name] for name in WINDOW}
        if ours != orjson.loads(seen.truth(before_ms)) | best | window:
            yield f"lags by more than {seen.at_ms - before_ms} ms"


def _exchange_info_faults(seen: Observation, _now: bytes) -> Iterator[str]:
    as_of_ms = orjson.loads(seen.answer.body)["serverTime"]
    # While the newest document is being read, the one before is shown.
    if as_of_ms not in seen.lists_ms[-2:]:
        yield f"the document is of {as_of_ms}, it was fetched at {seen.lists_ms[-3:]}"
    expected = seen.truth(as_of_ms)
    if seen.answer.body != expected:
        yield _difference(f"REST as of {as_of_ms}", seen.answer.body, expected)


def _as_of_ms(seen: Observation) -> int:
    """Return the instant that an answer has to be as of: of the newest that the proxy has heard."""
    load_ms = seen.load_ms or 0
    if seen.sent is None:
        return load_ms
    if seen.endpoint == KLINES and not _has_message(seen, orjson.loads(seen.answer.body)[-1][0]):
        return load_ms
    return max(seen.sent.at_ms, load_ms)


def _has_message(seen: Observation, open_ms: int) -> bool:
    """Whether the stream has told anything of the candle that opened at `open_ms`."""
    return seen.sent is not None and _frame(seen.sent)["t"] == open_ms


def _is_confirmed_now(seen: Observation) -> bool:
    """Whether a message of the last step tells what the answer ends with."""
    if seen.sent is None or not seen.was_sent_now or seen.answer.source != "websocket":
        return False
    if seen.endpoint == KLINES:
        return _has_message(seen, orjson.loads(seen.answer.body)[-1][0]) or _is_made_by_us(seen)
    return True


def _is_made_by_us(seen: Observation) -> bool:
    """Whether the last candle of an answer can only have been made by the proxy."""
    if seen.endpoint != KLINES or seen.answer.source != "websocket" or seen.sent is None:
        return False
    frame, open_ms = _frame(seen.sent), orjson.loads(seen.answer.body)[-1][0]
    follows = frame["x"] and frame["T"] + 1 == open_ms
    return follows and (seen.load_ms is None or seen.load_ms < open_ms)


def _frame(sent: Sent) -> dict[str, Any]:
    frame: dict[str, Any] = orjson.loads(sent.payload)["k"]
    return frame


def _flat(seen: Observation) -> list[Any]:
    """Return the row of a candle without trades, from the one before it."""
    two = {**seen.params, "limit": "2"}
    target = seen.target.partition("?")[0] + "?" + "&".join(f"{k}={v}" for k, v in two.items())
    closed, opened = orjson.loads(seen.scene.truth(target, seen.at_ms))
    close = closed[4]
    volume, quote, taker, taker_quote = (_zero(closed[slot]) for slot in (5, 7, 9, 10))
    prices = [close] * 4
    return [opened[0], *prices, volume, opened[6], quote, 0, taker, taker_quote, "0"]


def _zero(text: str) -> str:
    _, point, decimals = text.partition(".")
    return "0" + point + "0" * len(decimals)


def _difference(what: str, ours: bytes, theirs: bytes) -> str:
    size = min(len(ours), len(theirs))
    first = next((i for i in range(size) if ours[i] != theirs[i]), size)
    start = max(0, first - 60)
    return (
        f"not {what}, from byte {first} of {len(ours)} ({len(theirs)}):\n"
        f"  ours   ...{ours[start : first + 90]!r}\n  theirs ...{theirs[start : first + 90]!r}"
    )
