"""What the exchange would have answered at an instant, and whether an answer is one of those."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

import orjson

from bpx.simulator.simulator import Simulator

OPEN_TIME, CLOSE_TIME, TRADES = 0, 6, 8  # of a row of klines
BEST = {"bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}


class Answer:
    """An answer that is to be of some instant.

    Args:
        target: that was asked for.
        content: of the answer.
        oldest_ms: exchange time; what the exchange would have said before is too old.
        ended_ms: when the answer had come; nothing is newer.
    """

    def __init__(self, target: str, content: Any, oldest_ms: int, ended_ms: int) -> None:
        self.target, self.content = target, content
        self.oldest_ms, self.ended_ms = oldest_ms, ended_ms
        self.kind = kind_of(target)
        self.query = parse_qs(target.partition("?")[2])

    @cached_property
    def number(self) -> tuple[int, ...]:
        """What of an answer only grows: an update id, a trade's, a candle's start and trades."""
        return number_of(self.target, self.content)


class Truth:
    """What the exchange knows."""

    def __init__(self, exchange: Simulator) -> None:
        self._exchange = exchange
        self.content_at = cache(self._content_at)
        self._instant_of = cache(self._first_instant)
        self._bests = cache(self._best_prices)
        self.now_ms = exchange.venue.now_ms

    def _content_at(self, target: str, at_ms: int) -> Any:
        return orjson.loads(self._exchange.reply("GET", target, at_ms).body)

    def is_past(self, answer: Answer) -> bool:
        """Whether an answer was too old already when it was asked for."""
        return answer.number < self._number_at(answer.target, answer.oldest_ms // 100 * 100)

    def has(self, answer: Answer) -> bool:
        """Whether an answer that is not past is the exchange's, wholly, at an instant."""
        at_ms = self._instant_of(
            answer.target,
            answer.number,
            answer.oldest_ms // 1000 * 1000,
            answer.ended_ms // 1000 * 1000 + 1000,
        )
        if at_ms > answer.ended_ms:
            return False
        at_ms = min(at_ms, self.now_ms)
        if answer.kind == "depth":
            theirs = self.content_at(answer.target, at_ms)
            return all(answer.content[it] == theirs[it] for it in ("bids", "asks", "lastUpdateId"))
        if answer.kind == "ticker/24hr":
            return self._has_ticker(answer)
        return self._has_klines(answer, at_ms)

    def _has_ticker(self, answer: Answer) -> bool:
        """Whether all of it is of its `closeTime`, and its best prices of some instant."""
        closed_ms = answer.content["closeTime"]
        if closed_ms > answer.ended_ms:
            return False
        ours, theirs = dict(answer.content), dict(self.content_at(answer.target, closed_ms))
        shown = tuple(ours.pop(name, None) for name in BEST)
        for name in BEST:
            theirs.pop(name, None)
        return ours == theirs and (shown == (None,) * len(BEST) or self._were_best(answer, shown))

    def _were_best(self, answer: Answer, shown: tuple[str, ...]) -> bool:
        times, bests = self._bests(answer.query["symbol"][0])
        first = max(0, bisect_right(times, answer.oldest_ms) - 1)
        return shown in bests[first : bisect_right(times, answer.ended_ms)]

    def _best_prices(self, symbol: str) -> tuple[list[int], list[tuple[str, ...]]]:
        rows = self._exchange.call(lambda: self._exchange.venue.best_prices(symbol))  # type: ignore[attr-defined]
        texts = [orjson.loads(payload) for _, payload in rows]
        return [at_ms for at_ms, _ in rows], [tuple(map(one.get, BEST.values())) for one in texts]

    def _has_klines(self, answer: Answer, at_ms: int) -> bool:
        """Whether they are all of those that were asked for, without a gap, and each is right."""
        *closed, last = answer.content
        if len(answer.content) != int(answer.query["limit"][0]) or not follow_up(answer.content):
            return False
        then = self.content_at(answer.target, at_ms)
        final = {row[OPEN_TIME]: row for row in self._closed(answer.target, at_ms)}
        if any(row != final.get(row[OPEN_TIME]) for row in closed):
            return False
        if last[TRADES] == 0:
            return len({*last[1:5], closed[-1][4]}) == 1
        return bool(last == then[-1])

    def _closed(self, target: str, at_ms: int) -> Iterator[list[Any]]:
        """Return the closed candles of an instant, and those that have closed since."""
        yield from self.content_at(target, at_ms)[:-1]
        yield from self.content_at(target, self.now_ms)[:-1]

    def _number_at(self, target: str, at_ms: int) -> tuple[int, ...]:
        return number_of(target, self.content_at(newest_of(target), at_ms))

    def _first_instant(
        self, target: str, number: tuple[int, ...], low_ms: int, high_ms: int
    ) -> int:
        """Return the first instant at which an answer's number is that, or is beyond it."""
        return bisect_left(
            range(high_ms + 1), number, lo=low_ms, key=lambda ms: self._number_at(target, ms)
        )


def follow_up(rows: list[Any]) -> bool:
    """Whether each candle begins where the one before it ends."""
    return all(row[CLOSE_TIME] + 1 == after[OPEN_TIME] for row, after in pairwise(rows))


def number_of(target: str, content: Any) -> tuple[int, ...]:
    """Return what of an answer only grows."""
    kind = kind_of(target)
    if kind == "depth":
        return (content["lastUpdateId"],)
    if kind == "ticker/24hr":
        return (content["lastId"],)
    return content[-1][OPEN_TIME], content[-1][TRADES]


def kind_of(target: str) -> str:
    """Return a target's path without its prefix."""
    path = target.partition("?")[0]
    return path.split("/", 3)[3]


def newest_of(target: str) -> str:
    """Return a target whose answer has the newest of it and little else."""
    if "&limit=" not in target:
        return target
    least = 5 if kind_of(target) == "depth" else 1
    return f"{target.rpartition('&limit=')[0]}&limit={least}"
