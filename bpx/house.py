"""The parts of one market's application, built once from the settings and handed to each other."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from bpx.access.pace import Pace
from bpx.belongings import Belongings
from bpx.cache.cell import View
from bpx.errors import Refused
from bpx.exchange.endpoint import Source
from bpx.exchange.futures import FUTURES
from bpx.exchange.info import ExchangeInfo
from bpx.exchange.market import Market
from bpx.exchange.spot import SPOT
from bpx.feed.depth import DepthFollower
from bpx.feed.feed import Feed
from bpx.feed.feeds import Feeds
from bpx.feed.follower import Follower, Question
from bpx.feed.health import Health
from bpx.feed.klines import KlineFollower
from bpx.feed.listing import Listing
from bpx.feed.report import Reported
from bpx.feed.ticker import TickerFollower
from bpx.feed.trust import Freshness
from bpx.logs import log_forward
from bpx.memory.room import Room
from bpx.operators.health import Spent, Vitals
from bpx.operators.readings import Depths
from bpx.runtime import Memory, Runtime
from bpx.settings import Settings
from bpx.state.book import DepthView
from bpx.state.clock import ExchangeClock
from bpx.state.day import DayView
from bpx.state.history import CandlesView
from bpx.streams.connects import Connects
from bpx.streams.streams import Streams
from bpx.streams.wire import Wire
from bpx.upstream.bounds import Bounds
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.call import Kind, Reply
from bpx.upstream.retry import Recovery
from bpx.upstream.slow import SlowCall
from bpx.upstream.upstream import Upstream
from bpx.web.answer import Answers
from bpx.web.klines import KlinesAnswers
from bpx.web.latest import DepthAnswers, TickerAnswers
from bpx.web.listing import ListingAnswers
from bpx.web.parts import Parts

BUFFERS = 16  # that are filled with a reply of Binance before it is looked at again
BURST_S = 30  # seconds' worth of requests that the bucket holds, times the multiplier

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True)
class Local:
    """What the settings say of one market.

    Args:
        market: the table of Binance's facts.
        rest_urls, stream_url: where it is reached.
        requests_per_s: leak of the bucket.
        close_wait_s: how long the final frame of a candle is waited for.
    """

    market: Market
    rest_urls: tuple[str, ...]
    stream_url: str
    requests_per_s: int
    close_wait_s: float


def local(name: str, settings: Settings) -> Local:
    """Return what the settings say of the market `spot` or `futures`."""
    return {
        "spot": Local(
            SPOT,
            settings.spot_rest_urls,
            settings.spot_stream_url,
            settings.spot_requests_per_s,
            settings.close_wait_spot_s,
        ),
        "futures": Local(
            FUTURES,
            settings.futures_rest_urls,
            settings.futures_stream_url,
            settings.futures_requests_per_s,
            settings.close_wait_futures_s,
        ),
    }[name]


class House:
    """The parts of one market's application, built once."""

    def __init__(
        self,
        here: Local,
        settings: Settings,
        runtime: Runtime,
        connects: Connects,
        memory: Memory | None = None,
        room: Room | None = None,
    ) -> None:
        self._room = room or Room()
        self.market = here.market
        self.runtime = runtime
        self.clock = ExchangeClock()
        self.upstream = Upstream(
            here.market.name,
            here.rest_urls,
            runtime=runtime,
            clock=self.clock,
            bucket=_bucket(here.requests_per_s * settings.weight_share, settings.burst_multiplier),
            weight_per_minute=here.market.weight_per_minute,
            probe=here.market.probe,
            recovery=_recovery(settings),
            ca_file=settings.ca_file or None,
            bounds=_bounds(settings),
            memory=memory,
            client_weight=settings.client_weight or None,
            weight_share=settings.weight_share,
        )
        self.streams = Streams(
            here.market,
            here.stream_url,
            _wire(settings),
            runtime,
            connects,
            self.upstream.budget.hold_left_s,
        )
        self.listing = Listing(
            here.market.name,
            self._fetch_listing,
            self._adopt,
            settings.exchange_info_s,
            runtime,
            delay_s=settings.base_delay_s,
            longest_delay_s=settings.max_delay_s,
        )
        self._settings = settings
        self._beginnings = Pace(settings.client_feeds / 60, settings.client_feeds)
        self._is_draining = False
        self._close_wait_s = here.close_wait_s
        self._freshness = Freshness(
            settings.quiet_check_s, settings.check_interval_s, settings.kept_s
        )
        self.klines: Feeds[tuple[str, str], CandlesView] = self._feeds("klines", self._kline_feed)
        self.depth: Feeds[str, DepthView] = self._feeds("depth", self._depth_feed)
        self.tickers: Feeds[str, DayView] = self._feeds("ticker", self._ticker_feed)
        self.health = Health(
            here.market.name,
            self.streams,
            (self.klines, self.depth, self.tickers),
            settings.health_check_interval_s,
            runtime,
        )

    def belongings(self) -> Belongings:
        """Return what it has in memory."""
        return Belongings(
            {"klines": self.klines, "depth": self.depth, "tickers": self.tickers},
            self.listing,
            self.upstream,
            self.streams,
            self._settings.buffer_size,
            self.runtime,
        )

    def parts(self) -> Parts:
        """Return what the blueprint serves from."""
        answers: dict[Source, Answers] = {
            Source.KLINES: KlinesAnswers(
                self.market,
                self.klines,
                self.clock,
                self.runtime,
                self._close_wait_s,
                with_synthetic=not self._settings.fake_candles_disabled,
            ),
            Source.DEPTH: DepthAnswers(self.depth, self.runtime),
            Source.TICKER: TickerAnswers(self.tickers, self.runtime),
            Source.EXCHANGE_INFO: ListingAnswers(self.listing, self.runtime),
        }
        return Parts(
            self.market,
            answers,
            self._listed,
            lambda: self.listing.is_current(self.runtime.now()),
            self.upstream,
            self.runtime,
            log_forward,
            keeps_replies=self._settings.reply_ttl == "on",
        )

    def answers(self, path: str) -> bool:
        """Whether a cache answers requests for a path."""
        endpoint = self.market.find("GET", path)
        return endpoint is not None and endpoint.source is not Source.UPSTREAM

    def vitals(self) -> Vitals:
        """Return what shape it is in. Nothing is asked for it."""
        now = self.runtime.now()
        listing, budget = self.listing.cell.view, self.upstream.budget
        return Vitals(
            market=self.market.name,
            is_draining=self._is_draining,
            streams=self.streams.report(now),
            feeds={kind: feeds.report(now) for kind, feeds in self._kinds().items()},
            listing_age_s=None if listing is None else now - listing.confirmed_at,
            budget=Spent(*budget.spent(), budget.hold_left_s(), budget.blocked_left_s()),
            hosts=self.upstream.report(),
            check=self.health.report(now),
        )

    def depths(self) -> Depths:
        """Return how full things are, and how old. Nothing is asked for it."""
        now = self.runtime.now()
        at_ms = self.clock.at(now)
        return Depths(
            queue=max((tap.waiting for tap in self.streams.taps()), default=0),
            bucket=self.upstream.budget.bucket(),
            connections=self.upstream.connections(),
            ages_s={
                kind: age_s
                for kind, feeds in self._kinds().items()
                if (age_s := feeds.oldest_s(now)) is not None
            },
            clock_ahead_s=None if at_ms is None else at_ms / 1000 - _wall_s(),
        )

    def rows(self) -> dict[str, list[Reported]]:
        """Return how every feed is, by kind."""
        now = self.runtime.now()
        return {kind: list(feeds.rows(now)) for kind, feeds in self._kinds().items()}

    def slow(self) -> list[SlowCall]:
        """Return the slow calls of late, the newest first."""
        return self.upstream.slow.newest()

    def clear(self) -> dict[str, int]:
        """Forget all market data; return how much of each kind there was. All is asked for anew."""
        cleared = {kind: feeds.clear() for kind, feeds in self._kinds().items()}
        return cleared | {"replies": self.upstream.forget()}

    def taken(self) -> dict[str, float]:
        """Return the weight that each client has lately taken, the most first."""
        return self.upstream.budget.taken()

    def drain(self) -> None:
        """Take note that no more requests are wanted: it is ready no more."""
        self._is_draining = True

    def close(self) -> None:
        """End everything that runs on its own."""
        self.listing.close()
        self.health.close()
        for feeds in self._kinds().values():
            feeds.close()
        self.streams.close()
        self.upstream.close()

    def _kinds(self) -> dict[str, Feeds[Any, Any]]:
        return {"klines": self.klines, "depth": self.depth, "ticker": self.tickers}

    def _listed(self) -> ExchangeInfo | None:
        view = self.listing.cell.view
        return None if view is None else view.info

    def _adopt(self, info: ExchangeInfo) -> None:
        if info.weight_per_minute is not None:
            self.upstream.budget.adopt_limit(info.weight_per_minute)
        # What trades no more has no streams: they would be quiet for ever.
        trading = {symbol for symbol, status in info.symbols.items() if status == "TRADING"}
        self.klines.keep(lambda key: key[0] in trading)
        self.depth.keep(trading.__contains__)
        self.tickers.keep(trading.__contains__)

    def _fetch_listing(self) -> bytes:
        endpoint = self.market.endpoint(Source.EXCHANGE_INFO)
        # It is large, and proven where it is read, piece by piece.
        return _good(self.upstream.fetch(endpoint.path, endpoint.weight({}), check=None))

    def _ask(self, question: Question, for_client: bool) -> bytes:
        kind = Kind.PUBLIC if for_client else Kind.BACKGROUND
        client = question.client
        return _good(self.upstream.fetch(question.target, question.weight, kind, client=client))

    def _feeds(self, kind: str, build: Callable[[K], Feed[V]]) -> Feeds[K, V]:
        return Feeds(
            self.market.name, kind, build, self.runtime,
            room=self._room, beginnings=self._beginnings,
        )  # fmt: skip

    def _kline_feed(self, key: tuple[str, str]) -> Feed[CandlesView]:
        symbol, interval = key
        follower = KlineFollower(self.market, symbol, self.market.intervals[interval], self.clock)
        return self._feed(f"{symbol} {interval}", follower)

    def _depth_feed(self, symbol: str) -> Feed[DepthView]:
        return self._feed(f"{symbol} depth", DepthFollower(self.market, symbol, self.clock))

    def _ticker_feed(self, symbol: str) -> Feed[DayView]:
        # The original took lastPrice from the book ticker's best ask.
        last_price = "askPrice" if self._settings.ticker_last_price == "book" else None
        follower = TickerFollower(self.market, symbol, self.clock, last_price)
        return self._feed(f"{symbol} ticker", follower)

    def _feed(self, name: str, follower: Follower[V]) -> Feed[V]:
        return Feed(
            self.market.name,
            name,
            follower,
            self.streams,
            self._ask,
            self._freshness,
            self.runtime,
            self.clock,
        )


def _wall_s() -> float:
    return datetime.now(UTC).timestamp()


def _good(reply: Reply) -> bytes:
    if reply.status != 200:
        raise Refused(f"status {reply.status}: {reply.body[:200]!r}")
    return reply.body


def _bucket(requests_per_s: float, multiplier: int) -> LeakyBucket:
    """Return a bucket with room for one question of our own, which may fill half of it."""
    return LeakyBucket(max(2.0, requests_per_s * BURST_S * multiplier), requests_per_s)


def _recovery(settings: Settings) -> Recovery:
    return Recovery(
        settings.max_retries,
        settings.base_delay_s,
        settings.max_delay_s,
        settings.failure_threshold if settings.circuit_breaker_enabled else None,
    )


def _bounds(settings: Settings) -> Bounds:
    """Return the pools: for reads of market data, and a tenth as many for each other sort."""
    tenth = max(1, settings.pool_size // 10)
    return Bounds(
        connections={"public": settings.pool_size, "signed": tenth, "trade": tenth, "probe": 1},
        streams=tenth,
        chunk_bytes=BUFFERS * settings.copy_buffer_size,
    )


def _wire(settings: Settings) -> Wire:
    return Wire(
        handshake_timeout_s=settings.handshake_timeout_s,
        ping_interval_s=settings.ping_interval_s,
        pong_timeout_s=settings.pong_timeout_s,
        alive_s=settings.alive_s,
        reconnect_delay_s=settings.reconnect_delay_s,
        max_reconnect_delay_s=settings.max_reconnect_delay_s,
        queue_size=settings.message_queue_size,
        ca_file=settings.ca_file or None,
        buffer_size=settings.buffer_size,
        compression=settings.compression_enabled,
        max_age_s=settings.max_age_s,
        max_reconnects=settings.max_reconnects,
    )
