"""Whether an answer is what the exchange would have answered: to the byte, or by how much not."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from tests.fidelity.observation import Observation
from tests.fidelity.scene import DEPTH, EXCHANGE_INFO, KLINES, TICKER

# How old the newest part of an answer may be: the stream's update speed, in milliseconds. All that
# is older than that (closed candles among it) is what the exchange has now.
LAG_MS = {
    # market, endpoint: ms             stream           what may be so old
    ("spot", KLINES): 2000,  #         @kline_<i>       the open candle
    ("spot", KLINES + " 1s"): 1000,  # @kline_1s        the open candle
    ("spot", DEPTH): 100,  #           @depth20@100ms   the levels
    ("spot", TICKER): 1000,  #         @ticker          all but bid and ask: @bookTicker, of now
    ("futures", KLINES): 250,  #       @kline_<i>       the open candle
    ("futures", DEPTH): 100,  #        @depth20@100ms   the levels
    ("futures", TICKER): 2000,  #      @ticker          everything
}
# As long as its stream has not delivered, an answer may be what REST said a moment ago: `cache`.
KEPT_MS = 1000
# The first message of a candle comes one update after the final message of the one before, which
# comes up to so many milliseconds after its end.
CLOSE_MS = {"spot": 50, "futures": 400}
BEST = ("bidPrice", "bidQty", "askPrice", "askQty")
# A ticker comes only if something in it changed: the window it tells is that of the last message.
WINDOW = ("openTime", "closeTime")


def faults(seen: Observation) -> list[str]:
    """Return all that is wrong with an answer, each with what was asked and when."""
    found = [*_header_faults(seen), *_body_faults(seen)]
    return [f"{seen}: {fault}" for fault in found]


def _header_faults(seen: Observation) -> Iterator[str]:
    headers = seen.answer.headers
    source, age = headers.get("Data-Source"), headers.get("Data-Age-Ms")
    if source not in ("websocket", "cache", "upstream", "proxy"):
        yield f"Data-Source is {source}"
    if (age is not None) != seen.answer.is_ours:
        yield f"Data-Age-Ms is {age}"
    elif age is not None:
        oldest_ms = seen.since_step_ms if seen.is_confirmed_now else seen.since_start_ms
        if not (age.isdecimal() and int(age) <= oldest_ms + 1):
            yield f"Data-Age-Ms is {age}, at most {oldest_ms:.0f} can have passed"
    synthetic = headers.get("Data-Synthetic")
    if synthetic != ("1" if seen.is_last_row_made else None):
        yield f"Data-Synthetic is {synthetic}"


def _body_faults(seen: Observation) -> Iterator[str]:
    now = seen.scene.sim.reply("GET", seen.target, seen.at_ms)
    if seen.answer.status != now.status:
        yield f"status {seen.answer.status} instead of {now.status}"
    elif seen.answer.body != now.body:
        if not seen.answer.is_ours or now.status != 200:
            yield from _differences("REST now", seen.answer.body, now.body)
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
        yield from _differences("the open times of REST now", seen.answer.body, now)
        return
    if seen.is_last_row_made:
        what = "REST now with a flat last row"
        expected = orjson.dumps([*rows_now[:-1], _flat_row(seen)])
    else:
        what = f"REST as of {seen.as_of_ms}"
        expected = seen.truth(seen.as_of_ms)
    yield from _differences(what, seen.answer.body, expected)
    yield from _klines_lag(seen, rows[-1])


def _klines_lag(seen: Observation, row: list[Any]) -> Iterator[str]:
    market, interval = seen.scene.market, seen.params["interval"]
    lag_ms = LAG_MS.get((market, f"{KLINES} {interval}"), LAG_MS[market, KLINES])
    if not seen.has_message_of_last_row:
        lag_ms += CLOSE_MS[market]
    lag_ms = _kept(seen, lag_ms)
    before_ms = seen.at_ms - lag_ms
    if before_ms >= row[0]:
        (before,) = _newest_rows(seen, 1, before_ms)
        if before[8] > row[8]:
            yield f"lags by more than {lag_ms} ms: {row} does not even have all of {before}"


def _depth_faults(seen: Observation, _now: bytes) -> Iterator[str]:
    expected = seen.truth(seen.as_of_ms)
    yield from _differences(f"REST as of {seen.as_of_ms}", seen.answer.body, expected)
    lag_ms = _kept(seen, LAG_MS[seen.scene.market, DEPTH])
    if seen.as_of_ms < seen.at_ms - lag_ms:
        ours, theirs = orjson.loads(seen.answer.body), orjson.loads(seen.truth(seen.at_ms - lag_ms))
        if ours | {"E": 0} != theirs | {"E": 0}:
            yield f"lags by more than {lag_ms} ms"


def _ticker_faults(seen: Observation, now: bytes) -> Iterator[str]:
    ticker_now = orjson.loads(now if seen.answer.source != "cache" else b"{}")
    best = {name: ticker_now[name] for name in BEST if name in ticker_now}
    expected = orjson.dumps(orjson.loads(seen.truth(seen.as_of_ms)) | best)
    what = f"REST as of {seen.as_of_ms} with the best prices of now"
    yield from _differences(what, seen.answer.body, expected)
    lag_ms = _kept(seen, LAG_MS[seen.scene.market, TICKER])
    if seen.as_of_ms < seen.at_ms - lag_ms:
        ours = orjson.loads(seen.answer.body)
        window = {name: ours[name] for name in WINDOW}
        if ours != orjson.loads(seen.truth(seen.at_ms - lag_ms)) | best | window:
            yield f"lags by more than {lag_ms} ms"


def _kept(seen: Observation, lag_ms: int) -> int:
    return max(lag_ms, KEPT_MS) if seen.answer.source == "cache" else lag_ms


def _exchange_info_faults(seen: Observation, _now: bytes) -> Iterator[str]:
    as_of_ms = orjson.loads(seen.answer.body)["serverTime"]
    # While the newest document is being read, the one before is shown.
    if as_of_ms not in seen.lists_ms[-2:]:
        yield f"the document is of {as_of_ms}, it was fetched at {seen.lists_ms}"
    yield from _differences(f"REST as of {as_of_ms}", seen.answer.body, seen.truth(as_of_ms))


def _flat_row(seen: Observation) -> list[Any]:
    """Return the row of a candle without trades that follows the last closed one."""
    closed, opened = _newest_rows(seen, 2, seen.at_ms)
    close = closed[4]
    volume, quotes, taker, taker_quotes = (_zero_like(closed[slot]) for slot in (5, 7, 9, 10))
    prices = [close] * 4
    return [opened[0], *prices, volume, opened[6], quotes, 0, taker, taker_quotes, "0"]


def _newest_rows(seen: Observation, count: int, as_of_ms: int) -> list[list[Any]]:
    """Return the exchange's newest rows of what was asked for, as of an instant."""
    params = {**seen.params, "limit": str(count)}
    query = "&".join(f"{name}={quote(text)}" for name, text in params.items())
    target = f"{seen.scene.path(KLINES)}?{query}"
    rows: list[list[Any]] = orjson.loads(seen.scene.truth(target, as_of_ms))
    return rows


def _zero_like(number: str) -> str:
    _, point, decimals = number.partition(".")
    return "0" + point + "0" * len(decimals)


def _differences(what: str, ours: bytes, theirs: bytes) -> Iterator[str]:
    if ours == theirs:
        return
    size = min(len(ours), len(theirs))
    first = next((i for i in range(size) if ours[i] != theirs[i]), size)
    start = max(0, first - 60)
    yield (
        f"not {what}, from byte {first} of {len(ours)} ({len(theirs)}):\n"
        f"  ours   ...{ours[start : first + 90]!r}\n  theirs ...{theirs[start : first + 90]!r}"
    )
