"""Following the best levels of one book."""

from urllib.parse import quote

from bpx.exchange.depth import decode_depth_frame, decode_depth_reply
from bpx.exchange.endpoint import Source
from bpx.exchange.market import Market
from bpx.exchange.stream import DEPTH
from bpx.feed.follower import LEAST_IDLE_S, MOST_LAG_S, Question
from bpx.state.book import DepthView, TopOfBook
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Arrival

EARLY_S = 4.0  # no book older than 5 s is served, and a check takes a moment
LEVELS = "20"  # as many as a frame holds


class DepthFollower:
    """Follows the best levels of one symbol's book.

    Args:
        market: where.
        symbol: whose book.
        clock: told the event time of every frame that has one.
    """

    kind = "depth"
    idle_s = LEAST_IDLE_S
    early_s: float | None = EARLY_S

    def __init__(self, market: Market, symbol: str, clock: ExchangeClock) -> None:
        stream = market.stream(DEPTH, symbol)
        self.route = stream.route
        self.streams: tuple[str, ...] = (stream.name,)
        self.confirming = stream.name
        self._keys = market.depth_keys
        endpoint = market.endpoint(Source.DEPTH)
        self._question = Question(
            f"{endpoint.path}?symbol={quote(symbol)}&limit={LEVELS}",
            endpoint.weight({"symbol": symbol, "limit": LEVELS}),
        )
        self._clock = clock
        self._told_at = 0.0  # when the book was last told, in monotonic seconds
        self._book = TopOfBook()

    def question(self, rows: int, at_ms: int | None) -> Question:
        """Return the question for all levels that a frame would hold."""
        return self._question

    def begin_generation(self) -> None:
        """Nothing to do: a frame tells all levels."""

    def apply(self, arrival: Arrival) -> DepthView | None:
        """Take a frame; return the book after it, None if the book is newer."""
        depth = decode_depth_frame(arrival.payload, self._keys)
        if "E" in depth.times:
            self._clock.observe(depth.times["E"], arrival.at)
        if self._book.is_past(depth):
            return None
        self._book.apply(depth, is_sure=True)
        self._told_at = arrival.at
        return self._book.view(arrival.at)

    def load(
        self, body: bytes, question: Question, at: float, asked_at: float
    ) -> tuple[DepthView | None, bool]:
        """Take a REST reply; return the book after it, and whether it told nothing new.

        A reply that lags a little behind the stream proves nothing: None. One that is behind what
        was told long before it was asked for means that the exchange counts its updates anew: what
        we have is then worth nothing.
        """
        depth = decode_depth_reply(body, self._keys)
        if self._book.is_past(depth):
            if asked_at - self._told_at <= MOST_LAG_S:
                return None, True
            self._book.forget()
        changed = self._book.apply(depth)
        self._told_at = at
        return self._book.view(at), not changed
