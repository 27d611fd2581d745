"""Depth and 24-hour tickers: the newest of one symbol, from what is followed."""

from collections.abc import Callable
from typing import TypeVar

from bpx.cache.cell import View
from bpx.exchange.query import Params
from bpx.feed.feeds import Feeds
from bpx.runtime import Runtime
from bpx.state.book import DepthView
from bpx.state.day import DayView
from bpx.web.answer import STREAM, UPSTREAM, Answer, obtained, source_of

V = TypeVar("V", bound=View)


class DepthAnswers:
    """Answers depth from followed books."""

    def __init__(self, feeds: Feeds[str, DepthView], runtime: Runtime) -> None:
        self._feeds = feeds
        self._runtime = runtime

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer a depth request."""
        limit = int(params["limit"])
        return _answered(
            self._feeds, params["symbol"], self._runtime, lambda view: view.body(limit), client
        )


class TickerAnswers:
    """Answers 24-hour tickers of one symbol from followed tickers."""

    def __init__(self, feeds: Feeds[str, DayView], runtime: Runtime) -> None:
        self._feeds = feeds
        self._runtime = runtime

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer a ticker/24hr request."""
        read = _mini if params.get("type") == "MINI" else _full
        return _answered(self._feeds, params["symbol"], self._runtime, read, client)


def _answered(
    feeds: Feeds[str, V], symbol: str, runtime: Runtime, read: Callable[[V], bytes], client: str
) -> Answer | None:
    now = runtime.now()
    feed = feeds.watch(symbol, now, client)
    if feed is None:
        return None
    view, source = feed.cell.view, source_of(feed, now)
    if view is not None and source is not None:
        return Answer(read(view), source, view.confirmed_at)
    found = obtained(feed, runtime, 0, read, lambda view: feed.is_fresh(runtime.now()), client)
    if found is None:
        return None
    view, body = found
    source = STREAM if feed.is_fresh(runtime.now()) else UPSTREAM
    return Answer(body, source, view.confirmed_at)


def _full(view: DayView) -> bytes:
    return view.full


def _mini(view: DayView) -> bytes:
    return view.mini
