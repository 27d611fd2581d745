"""The model of one symbol: seeded, driven by its trades and book changes."""

from math import log, sin
from random import Random

from bpx.simulator.book import Book, Side
from bpx.simulator.listing import DAY_MS, Listing
from bpx.simulator.numbers import Decimals
from bpx.simulator.prehistory import typical_steps, write_prehistory
from bpx.simulator.tape import Tape

FUTURES_AGGREGATE_MS = 100
_BOOK_WIDTH = 0.012  # how far the book reaches from the middle
_MOST_LEVELS_SWEPT = 5
_BOOK_AGE_MS = 60_000


class MarketModel:
    """Everything that ever happened to one symbol up to `now_ms`.

    Its events are drawn one after the other from one random sequence, so the same seed gives
    the same past whatever steps `run_to` was called in.
    """

    def __init__(self, listing: Listing, seed: int, start_ms: int) -> None:
        self.listing = listing
        self.decimals = Decimals(listing)
        self.start_ms = start_ms
        self.now_ms = start_ms
        self._random = Random(f"{seed}:{listing.market}:{listing.name}")
        self.tape = Tape(
            first_id=1 + listing.number % 900_000_000,
            first_aggregate_id=1 + listing.number % 500_000_000,
            aggregate_ms=1 if listing.market == "spot" else FUTURES_AGGREGATE_MS,
        )
        last = write_prehistory(self.tape, listing, self._random, start_ms)
        # The book was there before the start: no stream tells how it came about.
        self.book = Book(start_ms - _BOOK_AGE_MS, 1_000_000_000 + listing.number)
        self._id_gap = 1 if listing.market == "spot" else 40
        self._mean_steps = typical_steps(listing)
        self._draw_pace(last)
        if listing.is_trading:
            self._open_book(last)
        self.book.settle(self.book.time_ms)
        self.next_event_ms = start_ms + self._gap() if listing.is_trading else None

    @property
    def halted_ms(self) -> int | None:
        """When trading ended, for a symbol that is not trading."""
        return None if self.listing.is_trading else self.tape.times[-1]

    @property
    def listed_ms(self) -> int:
        """The time of the first trade."""
        return self.tape.times[0]

    def run_to(self, to_ms: int) -> None:
        """Let everything happen that happens until `to_ms`, that instant included."""
        while self.next_event_ms is not None and self.next_event_ms <= to_ms:
            self._event(self.next_event_ms)
            self.next_event_ms += self._gap()
        self.now_ms = max(self.now_ms, to_ms)

    def _draw_pace(self, price: int) -> None:
        pace = self.listing.pace
        trades, changes = 1 / pace.trade_gap_ms, 1 / pace.book_gap_ms
        self._mean_gap_ms = 1 / (trades + changes)
        self._trade_share = trades / (trades + changes)
        self._levels = max(3, min(pace.levels, price // 3))
        self._tick_gap = max(1, int(price * _BOOK_WIDTH * 2 / self._levels))
        self._anchor = float(price)
        self._phase = self._random.random() * 6.28

    def _gap(self) -> int:
        return int(-log(1.0 - self._random.random()) * self._mean_gap_ms + 0.5)

    def _open_book(self, price: int) -> None:
        for side, start in ((self.book.bids, price), (self.book.asks, price + 1)):
            at = start
            while len(side) < self._levels and at > 0:
                side.put(at, self._level_steps())
                at -= side.sign * (1 + int(self._random.random() * (2 * self._tick_gap - 1)))
        self.book.put(self.book.time_ms, self.book.bids, price, self._level_steps())

    def _level_steps(self) -> int:
        return 1 + int(-log(1.0 - self._random.random()) * self._mean_steps * 2)

    def _put(self, time_ms: int, side: Side, price: int, steps: int) -> None:
        gap = self._id_gap
        if gap > 1:
            gap = 1 + int(self._random.random() * gap)
        self.book.put(time_ms, side, price, steps, gap)

    def _event(self, time_ms: int) -> None:
        spread = self.book.asks.best - self.book.bids.best
        if self._random.random() < self._trade_share and spread <= 4 * self._tick_gap:
            self._trade(time_ms)
        else:
            self._change(time_ms)
        self._keep_size(time_ms, self.book.bids)
        self._keep_size(time_ms, self.book.asks)
        self.book.settle(time_ms)

    def _anchor_at(self, time_ms: int) -> float:
        days = (time_ms - self.start_ms) / DAY_MS
        wave = 0.010 * sin(40 * days + self._phase) + 0.004 * sin(310 * days + 2 * self._phase)
        return self._anchor * (1.0 + wave)

    def _trade(self, time_ms: int) -> None:
        random = self._random.random
        book = self.book
        middle = (book.bids.best + book.asks.best) / 2
        anchor = self._anchor_at(time_ms)
        pull = max(-0.35, min(0.35, (anchor - middle) / anchor * 100))
        is_buy = random() < 0.5 + pull
        side = book.asks if is_buy else book.bids
        steps = 1 + int(-log(1.0 - random()) * self._mean_steps * (1 + 4 * abs(pull)))
        for _ in range(_MOST_LEVELS_SWEPT):
            price = side.best
            available = side.levels[price]
            filled = min(steps, available)
            self._fill(time_ms, price, filled, buyer_maker=not is_buy)
            if filled < available or len(side) > 2:
                self._put(time_ms, side, price, available - filled)
            steps -= filled
            if not steps:
                return

    def _fill(self, time_ms: int, price: int, steps: int, buyer_maker: bool) -> None:
        random = self._random.random
        while steps > 2 and random() < 0.3:  # the level was several orders
            part = 1 + int(random() * (steps - 1))
            self.tape.append(time_ms, price, part, buyer_maker)
            steps -= part
        if steps:
            self.tape.append(time_ms, price, steps, buyer_maker)

    def _change(self, time_ms: int) -> None:
        random = self._random.random
        book = self.book
        side = book.bids if random() < 0.5 else book.asks
        spread = book.asks.best - book.bids.best
        rank = min(int(-log(1.0 - random()) * 6), len(side) - 1)
        kind = random()
        if spread > 1 and (kind < 0.15 or (spread > self._tick_gap and kind < 0.5)):
            price = side.best + side.sign * (
                1 + int(random() * min(spread - 1, 4 * self._tick_gap))
            )
            self._put(time_ms, side, price, self._level_steps())
        elif kind < 0.70:
            self._put(time_ms, side, side.at_rank(rank), self._level_steps())
        elif kind < 0.84:
            price = max(1, side.at_rank(rank) - side.sign * (1 + int(random() * self._tick_gap)))
            self._put(time_ms, side, price, self._level_steps())
        elif (rank or random() < 0.3) and len(side) > 2:
            self._put(time_ms, side, side.at_rank(rank), 0)
        else:
            rank = int(random() * len(side))
            self._put(time_ms, side, side.at_rank(rank), self._level_steps())

    def _keep_size(self, time_ms: int, side: Side) -> None:
        if len(side) > self._levels + self._levels // 8 + 2:
            self._put(time_ms, side, side.worst, 0)
        elif len(side) < self._levels:
            price = side.worst - side.sign * (1 + int(self._random.random() * self._tick_gap * 2))
            if price > 0:
                self._put(time_ms, side, price, self._level_steps())
