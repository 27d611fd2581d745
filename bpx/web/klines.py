"""Klines from followed series."""

from bpx.errors import Refused, RequestFailed
from bpx.exchange.market import Market
from bpx.exchange.query import Params
from bpx.feed.feed import Feed
from bpx.feed.feeds import Feeds
from bpx.runtime import Runtime
from bpx.state.clock import ExchangeClock
from bpx.state.history import CandlesView
from bpx.web.answer import STREAM, UPSTREAM, Again, Answer, Given, keep, obtained, source_of


class KlinesAnswers:
    """Answers klines from followed series.

    Args:
        market: defaults and intervals.
        feeds: the series, by symbol and interval.
        clock: the exchange's time.
        runtime: time.
        close_wait_s: how long the final frame of a candle is waited for, from its close.
        with_synthetic: whether a candle that has begun without a message is shown, as a flat row.
    """

    def __init__(
        self,
        market: Market,
        feeds: Feeds[tuple[str, str], CandlesView],
        clock: ExchangeClock,
        runtime: Runtime,
        close_wait_s: float,
        with_synthetic: bool,
    ) -> None:
        self._default = market.klines_default
        self._feeds = feeds
        self._clock = clock
        self._runtime = runtime
        self._close_wait_s = close_wait_s
        self._with_synthetic = with_synthetic

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer a klines request."""
        key, limit = self._asked(params)
        feed = self._feeds.watch(key, self._runtime.now(), client)
        if feed is None:
            return None
        view = feed.cell.view
        if view is not None:
            answer = self._current(feed, view, limit) or self._closing(feed, view, limit)
            if answer is not None:
                return answer
        found = obtained(
            feed,
            self._runtime,
            limit,
            lambda view: view.parts(limit, False),
            lambda view: self._current(feed, view, limit) is not None,
            client,
        )
        if found is None:
            return None
        view, parts = found
        current = self._current(feed, view, limit)
        is_of_stream = current is not None and current.source == STREAM
        return current if is_of_stream else Answer(parts, UPSTREAM, view.confirmed_at)

    def again(self, params: Params, codings: str) -> Again:
        """Return what answers it again."""
        key, limit = self._asked(params)

        known = self._feeds.known

        def again(now: float) -> Given | None:
            feed = known(key)
            view = None if feed is None else feed.cell.view
            if feed is None or view is None:
                return None
            answer = self._current_at(now, feed, view, limit)
            return None if answer is None else (answer, feed)

        return again

    def _asked(self, params: Params) -> tuple[tuple[str, str], int]:
        """Return which series a request is for, and how many rows of it."""
        limit = int(params["limit"]) if "limit" in params else self._default
        return (params["symbol"], params["interval"]), limit

    def _current(self, feed: Feed[CandlesView], view: CandlesView, limit: int) -> Answer | None:
        return self._current_at(self._runtime.now(), feed, view, limit)

    def _current_at(
        self, now: float, feed: Feed[CandlesView], view: CandlesView, limit: int
    ) -> Answer | None:
        """Answer from a view if it is good; None if it has not got that far, or that many rows."""
        source = source_of(feed, now)
        if source is None:
            return None
        at_ms, newest, synthetic = self._clock.at(now), view.newest, False
        if at_ms is not None and newest is not None and at_ms > newest.close_ms:
            good_until_ms = view.good_until_ms
            if source != STREAM or good_until_ms is None or at_ms > good_until_ms:
                return None
            synthetic = self._with_synthetic
        key = limit, source, synthetic
        kept = feed.cell.kept.get(key)
        if kept is not None and kept[0] is view:
            made: Answer = kept[1]
            return made
        parts = view.parts(limit, synthetic)
        if parts is None:
            return None
        answer = Answer(parts, source, view.confirmed_at, synthetic)
        return keep(feed.cell, view, key, answer)

    def _closing(self, feed: Feed[CandlesView], view: CandlesView, limit: int) -> Answer | None:
        """Wait for the final frame of a candle that has just ended, if that is what is missing."""
        now = self._runtime.now()
        at_ms = self._clock.at(now)
        if at_ms is None or view.newest is None or not view.is_rolled_over(at_ms):
            return None
        if not feed.is_fresh(now):
            return None
        left_s = self._close_wait_s - (at_ms - view.newest.close_ms) / 1000
        if left_s <= 0:
            return None

        def is_current(candidate: CandlesView) -> bool:
            return self._current(feed, candidate, limit) is not None

        try:
            settled = feed.cell.wait_for(is_current, left_s)
        except (Refused, RequestFailed):  # somebody's REST question, not ours
            return None
        return None if settled is None else self._current(feed, settled, limit)
