"""Following the best levels of one book."""

from urllib.parse import quote

from bpx.exchange.depth import decode_depth_frame, decode_depth_reply
from bpx.exchange.endpoint import Source
from bpx.exchange.market import Market
from bpx.exchange.stream import DEPTH
from bpx.feed.follower import Question
from bpx.feed.tap import Arrival
from bpx.state.book import DepthView, TopOfBook
from bpx.state.clock import ExchangeClock

IDLE_S = 120.0
LEVELS = "20"  # as many as a frame holds


class DepthFollower:
    """Follows the best levels of one symbol's book.

    Args:
        market: where.
        symbol: whose book.
        clock: told the event time of every frame that has one.
    """

    idle_s = IDLE_S

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
        self._behind = 0  # REST replies in a row that were older than the book
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
        self._behind = 0
        self._book.apply(depth)
        return self._book.view(arrival.at)

    def load(self, body: bytes, question: Question, at: float) -> tuple[DepthView, bool]:
        """Take a REST reply; return the book after it, and whether it told nothing new.

        A reply may lag behind the stream. If a second one does and no frame has come meanwhile,
        the exchange counts its updates anew: what we have is then worth nothing.
        """
        depth = decode_depth_reply(body, self._keys)
        self._behind = self._behind + 1 if self._book.is_past(depth) else 0
        if self._behind > 1:
            self._behind = 0
            self._book.forget()
        changed = self._book.apply(depth)
        return self._book.view(at), not changed
