"""Every trade of one symbol, in columns that answer questions about any range of them."""

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate
from operator import mul

MINUTE_MS = 60_000


class Tape:
    """Trades in the order they happened; nothing is ever changed, so the past stays readable.

    Ranges are index ranges [i, j). `sums` hold what came before an index, so that any range's
    sum is one subtraction. An aggregate is a run of trades with the same price and side within
    `aggregate_ms`.
    """

    def __init__(self, first_id: int, first_aggregate_id: int, aggregate_ms: int) -> None:
        self.first_id = first_id
        self.first_aggregate_id = first_aggregate_id
        self.times = array("q")
        self.prices = array("q")
        self.steps = array("q")
        self.buyer_makers = array("b")
        self.aggregate_starts = array("q")  # index of each aggregate's first trade
        self._aggregate_ms = aggregate_ms
        self._step_sums = array("q", [0])
        self._quote_sums = array("q", [0])
        self._taker_step_sums = array("q", [0])
        self._taker_quote_sums = array("q", [0])
        self._minutes = array("q")
        self._minute_starts = array("q")
        self._minute_highs = array("q")
        self._minute_lows = array("q")

    def __len__(self) -> int:
        return len(self.times)

    def load(
        self, times: list[int], prices: list[int], steps: list[int], buyer_makers: list[bool]
    ) -> None:
        """Fill an empty tape with trades that are at least an aggregate's span apart."""
        for index, (time_ms, price) in enumerate(zip(times, prices, strict=True)):
            self._note_minute(time_ms // MINUTE_MS, price, index)
        self.aggregate_starts.extend(range(len(times)))
        self.times.extend(times)
        self.prices.extend(prices)
        self.steps.extend(steps)
        self.buyer_makers.extend(buyer_makers)
        quotes = list(map(mul, prices, steps))
        takers = [not maker for maker in buyer_makers]
        self._step_sums.extend(accumulate(steps))
        self._quote_sums.extend(accumulate(quotes))
        self._taker_step_sums.extend(accumulate(map(mul, steps, takers)))
        self._taker_quote_sums.extend(accumulate(map(mul, quotes, takers)))

    def append(self, time_ms: int, price: int, steps: int, buyer_maker: bool) -> None:
        """Add the newest trade. `buyer_maker` tells that the taker sold."""
        self._note_aggregate(time_ms, price, buyer_maker)
        self._note_minute(time_ms // MINUTE_MS, price, len(self.times))
        self.times.append(time_ms)
        self.prices.append(price)
        self.steps.append(steps)
        self.buyer_makers.append(buyer_maker)
        quote = price * steps
        self._step_sums.append(self._step_sums[-1] + steps)
        self._quote_sums.append(self._quote_sums[-1] + quote)
        taken = 0 if buyer_maker else 1
        self._taker_step_sums.append(self._taker_step_sums[-1] + taken * steps)
        self._taker_quote_sums.append(self._taker_quote_sums[-1] + taken * quote)

    def _note_aggregate(self, time_ms: int, price: int, buyer_maker: bool) -> None:
        span = self._aggregate_ms
        if (
            not self.times
            or self.prices[-1] != price
            or self.buyer_makers[-1] != buyer_maker
            or self.times[-1] // span != time_ms // span
        ):
            self.aggregate_starts.append(len(self.times))

    def _note_minute(self, minute: int, price: int, index: int) -> None:
        if not self._minutes or self._minutes[-1] != minute:
            self._minutes.append(minute)
            self._minute_starts.append(index)
            self._minute_highs.append(price)
            self._minute_lows.append(price)
        elif price > self._minute_highs[-1]:
            self._minute_highs[-1] = price
        elif price < self._minute_lows[-1]:
            self._minute_lows[-1] = price

    def count_at(self, at_ms: int) -> int:
        """Return how many trades had happened by `at_ms`, that instant included."""
        return bisect_right(self.times, at_ms)

    def first_from(self, from_ms: int, end: int | None = None) -> int:
        """Return the index of the first trade at or after `from_ms`, at most `end`."""
        return bisect_left(self.times, from_ms, 0, len(self.times) if end is None else end)

    def volume(self, i: int, j: int) -> tuple[int, int]:
        """Return (steps, ticks x steps) of a range."""
        return self._step_sums[j] - self._step_sums[i], self._quote_sums[j] - self._quote_sums[i]

    def taker_volume(self, i: int, j: int) -> tuple[int, int]:
        """Return (steps, ticks x steps) that takers bought in a range."""
        return (
            self._taker_step_sums[j] - self._taker_step_sums[i],
            self._taker_quote_sums[j] - self._taker_quote_sums[i],
        )

    def extremes(self, i: int, j: int) -> tuple[int, int]:
        """Return (highest, lowest) price of a range that is not empty."""
        first = bisect_left(self._minute_starts, i)
        last = bisect_right(self._minute_starts, j) - 1  # the minute that may go on after j
        if last - first < 2:
            prices = self.prices[i:j]
            return max(prices), min(prices)
        left = self.prices[i : self._minute_starts[first]]
        right = self.prices[self._minute_starts[last] : j]
        highs = self._minute_highs[first:last]
        lows = self._minute_lows[first:last]
        edges = [*left, *right]
        high, low = max(highs), min(lows)
        return (max(high, *edges), min(low, *edges)) if edges else (high, low)

    def aggregates_at(self, end: int) -> int:
        """Return how many aggregates the first `end` trades make."""
        return bisect_left(self.aggregate_starts, end)

    def aggregate_range(self, number: int, end: int) -> tuple[int, int]:
        """Return the trades [i, j) of an aggregate, as far as the first `end` trades go."""
        starts = self.aggregate_starts
        after = starts[number + 1] if number + 1 < len(starts) else end
        return starts[number], min(after, end)
