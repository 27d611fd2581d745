"""Depth and 24-hour tickers: the newest of one symbol, from what is followed."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from bpx.cache.cell import View
from bpx.exchange.query import Params
from bpx.feed.feed import Feed
from bpx.feed.feeds import Feeds
from bpx.runtime import Runtime
from bpx.state.book import DepthView
from bpx.state.day import DayView
from bpx.web.answer import STREAM, UPSTREAM, Again, Answer, Given, keep, obtained, source_of

V = TypeVar("V", bound=View)


class DepthAnswers:
    """Answers depth from followed books."""

    def __init__(self, feeds: Feeds[str, DepthView], runtime: Runtime) -> None:
        self._feeds = feeds
        self._runtime = runtime

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer a depth request."""
        return _answered(self._feeds, params["symbol"], self._runtime, _levels(params), client)

    def again(self, params: Params, codings: str) -> Again:
        """Return what answers it again."""
        return _again(self._feeds, params["symbol"], _levels(params))


class TickerAnswers:
    """Answers 24-hour tickers of one symbol from followed tickers."""

    def __init__(self, feeds: Feeds[str, DayView], runtime: Runtime) -> None:
        self._feeds = feeds
        self._runtime = runtime

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer a ticker/24hr request."""
        return _answered(self._feeds, params["symbol"], self._runtime, _read(params), client)

    def again(self, params: Params, codings: str) -> Again:
        """Return what answers it again."""
        return _again(self._feeds, params["symbol"], _read(params))


def _again(feeds: Feeds[str, V], symbol: str, read: Callable[[V], bytes]) -> Again:
    known = feeds.known

    def again(now: float) -> Given | None:
        feed = known(symbol)
        answer = None if feed is None else _current(feed, read, now)
        return None if answer is None else (answer, feed)

    return again


def _current(feed: Feed[V], read: Callable[[V], bytes], now: float) -> Answer | None:
    view, source = feed.cell.view, source_of(feed, now)
    if view is None or source is None:
        return None
    key = read, source
    kept = feed.cell.kept.get(key)
    if kept is not None and kept[0] is view:
        made: Answer = kept[1]
        return made
    return keep(feed.cell, view, key, Answer((read(view),), source, view.confirmed_at))


def _answered(
    feeds: Feeds[str, V], symbol: str, runtime: Runtime, read: Callable[[V], bytes], client: str
) -> Answer | None:
    now = runtime.now()
    feed = feeds.watch(symbol, now, client)
    if feed is None:
        return None
    current = _current(feed, read, now)
    if current is not None:
        return current
    found = obtained(feed, runtime, 0, read, lambda view: feed.is_fresh(runtime.now()), client)
    if found is None:
        return None
    view, body = found
    source = STREAM if feed.is_fresh(runtime.now()) else UPSTREAM
    return Answer((body,), source, view.confirmed_at)


def _levels(params: Params) -> Callable[[DepthView], bytes]:
    return _of_limit(int(params["limit"]))


@lru_cache(maxsize=100)  # what reads the same is the same, so that its answers can be kept
def _of_limit(limit: int) -> Callable[[DepthView], bytes]:
    return lambda view: view.body(limit)


def _read(params: Params) -> Callable[[DayView], bytes]:
    return _mini if params.get("type") == "MINI" else _full


def _full(view: DayView) -> bytes:
    return view.full


def _mini(view: DayView) -> bytes:
    return view.mini
