"""Which requests the caches can answer, one class per source.

An answer is the body of a reply and what is to be said about it, or None when the request is not
ours to answer: then Binance is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from bpx.cache.cell import View
from bpx.errors import Refused, RequestFailed
from bpx.exchange.market import Market
from bpx.exchange.query import Params
from bpx.feed.feed import Feed
from bpx.feed.feeds import Feeds
from bpx.feed.listing import Listing
from bpx.runtime import Runtime
from bpx.state.book import DepthView
from bpx.state.candles import CandlesView
from bpx.state.clock import ExchangeClock
from bpx.state.day import DayView

V = TypeVar("V", bound=View)
T = TypeVar("T")

REST_WAIT_S = 12.0  # as long as a public call may take in all
ATTEMPTS = 3  # REST questions that one request may wait for
STALE_S = 3600.0  # how old exchangeInfo may be when Binance cannot be asked
REFRESH_GRACE_S = 15.0  # how long a refresh of exchangeInfo may be late

STREAM, CACHE, UPSTREAM = "websocket", "cache", "upstream"


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply made here.

    Args:
        body: its bytes.
        source: what `Data-Source` is to say.
        confirmed_at: when it was last proved, in monotonic seconds.
        is_synthetic: whether its last candle is made by us.
        coding: Content-Encoding of the body, if any.
    """

    body: bytes
    source: str
    confirmed_at: float
    is_synthetic: bool = False
    coding: str | None = None


class Answers(Protocol):
    """Answers the requests of one endpoint."""

    def answer(self, params: Params, codings: str) -> Answer | None:
        """Answer a request that is understood; None if Binance has to be asked.

        Args:
            params: of the request.
            codings: its Accept-Encoding.

        Raises:
            RequestFailed: Binance could not be asked.
        """


def obtained(
    feed: Feed[V],
    runtime: Runtime,
    rows: int,
    read: Callable[[V], T | None],
    is_current: Callable[[V], bool],
) -> tuple[V, T] | None:
    """Have REST asked for what a view lacks, and wait for a view that will do.

    What REST has just said will do if `read` finds in it what was asked for; a view that the
    stream has made meanwhile will do if it `is_current`. All who wait share one question.

    Returns:
        The view and what was read from it; None if there is none in time.

    Raises:
        RequestFailed: REST could not be asked.
    """
    deadline = runtime.now() + REST_WAIT_S
    for _ in range(ATTEMPTS):
        loads = feed.loads
        try:
            feed.want(rows)
            view = feed.cell.wait_for(
                lambda view: feed.loads != loads or is_current(view),  # noqa: B023
                deadline - runtime.now(),
            )
        except Refused:  # Binance's own words are for whoever asks it
            return None
        if view is None:
            return None
        content = read(view)
        if content is not None:
            return view, content
    return None


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

    def answer(self, params: Params, codings: str) -> Answer | None:
        """Answer a klines request."""
        limit = int(params["limit"]) if "limit" in params else self._default
        now = self._runtime.now()
        feed = self._feeds.watch((params["symbol"], params["interval"]), now)
        if feed is None:
            return None
        if feed.is_fresh(now):
            view = feed.cell.view
            assert view is not None, "a fresh feed has a view"
            answer = self._current(view, limit, now) or self._closing(feed, view, limit, now)
            if answer is not None:
                return answer

        def current(view: CandlesView) -> Answer | None:
            now = self._runtime.now()
            return self._current(view, limit, now) if feed.is_fresh(now) else None

        found = obtained(
            feed,
            self._runtime,
            limit,
            lambda view: view.body(limit, False),
            lambda view: current(view) is not None,
        )
        if found is None:
            return None
        view, body = found
        return current(view) or Answer(body, UPSTREAM, view.confirmed_at)

    def _current(self, view: CandlesView, limit: int, now: float) -> Answer | None:
        """Answer from a view that is fresh; None if it has not got that far, or that many rows."""
        at_ms = self._clock.at(now)
        synthetic = False
        if at_ms is not None and view.is_rolled_over(at_ms):
            following = view.following
            if following is None or at_ms > following.close_ms:
                return None
            synthetic = self._with_synthetic
        body = view.body(limit, synthetic)
        if body is None:
            return None
        return Answer(body, STREAM, view.confirmed_at, synthetic)

    def _closing(
        self, feed: Feed[CandlesView], view: CandlesView, limit: int, now: float
    ) -> Answer | None:
        """Wait for the final frame of a candle that has just ended, if that is what is missing."""
        at_ms = self._clock.at(now)
        if at_ms is None or view.newest is None or not view.is_rolled_over(at_ms):
            return None
        left_s = self._close_wait_s - (at_ms - view.newest.close_ms) / 1000
        if left_s <= 0:
            return None

        def is_current(candidate: CandlesView) -> bool:
            return self._current(candidate, limit, self._runtime.now()) is not None

        try:
            settled = feed.cell.wait_for(is_current, left_s)
        except (Refused, RequestFailed):  # somebody's REST question, not ours
            return None
        return None if settled is None else self._current(settled, limit, self._runtime.now())


class DepthAnswers:
    """Answers depth from followed books."""

    def __init__(self, feeds: Feeds[str, DepthView], runtime: Runtime) -> None:
        self._feeds = feeds
        self._runtime = runtime

    def answer(self, params: Params, codings: str) -> Answer | None:
        """Answer a depth request."""
        limit = int(params["limit"])
        return _answered(
            self._feeds, params["symbol"], self._runtime, lambda view: view.body(limit)
        )


class TickerAnswers:
    """Answers 24-hour tickers of one symbol from followed tickers."""

    def __init__(self, feeds: Feeds[str, DayView], runtime: Runtime) -> None:
        self._feeds = feeds
        self._runtime = runtime

    def answer(self, params: Params, codings: str) -> Answer | None:
        """Answer a ticker/24hr request."""
        read = _mini if params.get("type") == "MINI" else _full
        return _answered(self._feeds, params["symbol"], self._runtime, read)


class ListingAnswers:
    """Answers exchangeInfo from the kept document, whole or in part."""

    def __init__(self, listing: Listing, runtime: Runtime) -> None:
        self._listing = listing
        self._runtime = runtime

    def answer(self, params: Params, codings: str) -> Answer | None:
        """Answer an exchangeInfo request."""
        view = self._listing.cell.view
        if view is None or self._runtime.now() - view.confirmed_at > self._most_s():
            return None
        if not params and parse_accept_header(codings, Accept)["gzip"] > 0:
            return Answer(view.gzipped, CACHE, view.confirmed_at, coding="gzip")
        body = view.answer(params)
        return None if body is None else Answer(body, CACHE, view.confirmed_at)

    def _most_s(self) -> float:
        """Return how old the document may be: older than usual if Binance cannot be asked."""
        return STALE_S if self._listing.is_failing else self._listing.refresh_s + REFRESH_GRACE_S


def _answered(
    feeds: Feeds[str, V], symbol: str, runtime: Runtime, read: Callable[[V], bytes]
) -> Answer | None:
    now = runtime.now()
    feed = feeds.watch(symbol, now)
    if feed is None:
        return None
    view = feed.cell.view
    if view is not None and feed.is_fresh(now):
        return Answer(read(view), STREAM, view.confirmed_at)
    found = obtained(feed, runtime, 0, read, lambda view: feed.is_fresh(runtime.now()))
    if found is None:
        return None
    view, body = found
    source = STREAM if feed.is_fresh(runtime.now()) else UPSTREAM
    return Answer(body, source, view.confirmed_at)


def _full(view: DayView) -> bytes:
    return view.full


def _mini(view: DayView) -> bytes:
    return view.mini
