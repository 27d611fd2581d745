"""A walk through a recorded session: what the proxy answered at each stop, and what is proven."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from tests.recorded.files import SESSIONS, Line
from tests.recorded.proofs import Proofs, ProvenBook, proofs_of
from tests.recorded.seen import DepthSeen, KlinesSeen, Seen, SnapshotSeen, TickerSeen
from tests.recorded.stage import Stage, staged

LEVELS = 20
STOPS = 206
REFUSALS = 3  # of one thing in a row, while it is not known: each costs the proxy weight

# No recording holds ticker messages, so the test makes them: they tell the time, and on spot the
# proxy puts the recorded best prices of this symbol into them. Not of a session whose 73,000 book
# tickers would make the walk slow.
CARRIERS = {
    "cryptofeed/BINANCE": "NKNUSDT",
    "cryptofeed/BINANCE_US": "OMGBUSD",
    "cryptofeed/BINANCE_TR": "BELBTC",
    "cryptofeed/BINANCE_FUTURES": "SUSHIUSDT",
    "hftbacktest/spot": "ETHUSDT",
    "hftbacktest/usdm": "ETHUSDT",
    "ccxt/spot": "ETHUSDT",
    "ccxt/futures": "ETHUSDT",
}
# Its exchangeInfo of 2021 says `contractStatus` where USD-M's says `status`: the proxy knows no
# symbols by it, follows nothing, and forwards all.
FOLLOWED = tuple(name for name in SESSIONS if name in CARRIERS)
FORWARDED = ("cryptofeed/BINANCE_DELIVERY",)


class Walk:
    """Goes from stop to stop of one session, and asks."""

    def __init__(self, stage: Stage, proofs: Proofs) -> None:
        self.seen = Seen(
            proofs.session,
            stage.ask("exchangeInfo", **{"Accept-Encoding": "identity"}),
            stage.ask("exchangeInfo", **{"Accept-Encoding": "gzip"}),
        )
        self._stage = stage
        self._proofs = proofs
        self._name = proofs.session.name
        self._is_followed = self._name in FOLLOWED
        self._books = {symbol: proofs.book(symbol) for symbol in proofs.depth}
        self._changes = _by_instant(proofs.depth)
        self._told = _by_instant(proofs.klines)
        self._broken: set[str] = set()  # books that are not known any more, for which we broke off
        self._refusals: Counter[str] = Counter()
        self._streams: set[str] = set()

    def go(self) -> None:
        """Visit every stop."""
        self._prepare()
        for number, at_ms in enumerate(stops(self._proofs)):
            self._stage.go_to(at_ms)
            for symbol in self._due(at_ms, number):
                self._ask_depth(symbol, at_ms)
            for symbol in self._proofs.symbols:
                self._ask_klines(symbol, at_ms, number)
            if self._carried:
                self._ask_ticker(at_ms)
        self.seen.connects = self._stage.sim.connects

    @property
    def _carried(self) -> str:
        """The symbol whose ticker shows recorded prices, if any."""
        carrier = CARRIERS.get(self._name, "")
        is_spot = self._proofs.session.market == "spot"
        return carrier if is_spot and carrier in self._proofs.book_tickers else ""

    def _prepare(self) -> None:
        """Ask for everything once, so that its streams are there before the recording goes on."""
        for symbol in self._proofs.symbols:
            self.seen.parts[symbol] = self._stage.ask(f"exchangeInfo?symbol={symbol}")
            at_ms = self._stage.sim.now_ms
            if symbol in self._books:
                self._ask_depth(symbol, at_ms)
                self._streams.add(f"{symbol.lower()}@depth20@100ms")
            self._ask_klines(symbol, at_ms, number=0)
            self._streams.update(f"{symbol.lower()}@kline_{name}" for name in self._intervals)
        if self._is_followed:
            self._stage.await_streams(self._streams)
            self._stage.tell_time_by(CARRIERS[self._name])

    @property
    def _intervals(self) -> tuple[str, ...]:
        return ("1m", "5m", "1h") if self._proofs.trades else ("1m",)

    def _due(self, at_ms: int, number: int) -> list[str]:
        """Return whose books are asked for: those that changed now, and a quiet one."""
        symbols = list(self._books)
        quiet = symbols[number % len(symbols)] if symbols else None
        return [name for name in symbols if name in self._changes[at_ms] or name == quiet]

    def _ask_depth(self, symbol: str, at_ms: int) -> None:
        book = self._books[symbol]
        book.move_to(at_ms)
        proven = book.reply(LEVELS)
        if proven is not None:
            self._broken.discard(symbol)
        elif self._is_followed and book.snapshot is not None and symbol not in self._broken:
            # The replay publishes no more of this book. On a live connection silence means that
            # nothing has changed, so an exchange that cannot go on has to break off.
            self._broken.add(symbol)
            self._stage.break_off(self._streams)
        if self._is_refused_enough(f"depth {symbol}", proven is None):
            return
        answer = self._stage.ask(f"depth?symbol={symbol}&limit={LEVELS}")
        best = self._proofs.best_at(symbol, book.update_id)
        self.seen.depth.append(DepthSeen(symbol, at_ms, answer, proven, best))
        if book.snapshot is not None and book.snapshot.at_ms == at_ms:
            self._ask_snapshot(symbol, book)

    def _ask_snapshot(self, symbol: str, book: ProvenBook) -> None:
        assert book.snapshot is not None
        answer = self._stage.ask(f"depth?symbol={symbol}&limit=1000")
        recorded = book.snapshot.text.encode()
        self.seen.snapshots.append(SnapshotSeen(symbol, answer, recorded, book.is_untouched))

    def _ask_klines(self, symbol: str, at_ms: int, number: int) -> None:
        kline = self._proofs.newest_kline(symbol, at_ms)
        is_told_now = symbol in self._told[at_ms]
        for interval in self._intervals:
            is_due = is_told_now or number % 8 == 0 or (self._proofs.trades and interval == "1m")
            if not is_due:
                continue
            what = f"klines {symbol} {interval}"
            is_unknown = kline is None and not self._proofs.trades
            if self._is_refused_enough(what, is_unknown):
                continue
            answer = self._stage.ask(f"klines?symbol={symbol}&interval={interval}&limit=12")
            self.seen.klines.append(KlinesSeen(symbol, interval, at_ms, answer, kline))

    def _ask_ticker(self, at_ms: int) -> None:
        answer = self._stage.ask(f"ticker/24hr?symbol={self._carried}")
        best = self._proofs.newest_best(self._carried, at_ms)
        self.seen.tickers.append(TickerSeen(at_ms, answer, best))

    def _is_refused_enough(self, what: str, is_unknown: bool) -> bool:
        self._refusals[what] = self._refusals[what] + 1 if is_unknown else 0
        return self._refusals[what] > REFUSALS


def _by_instant(lines_by_symbol: Mapping[str, list[Line]]) -> Mapping[int, set[str]]:
    """Return who was told of, by instant."""
    symbols: dict[int, set[str]] = defaultdict(set)
    for symbol, lines in lines_by_symbol.items():
        for line in lines:
            symbols[line.at_ms].add(symbol)
    return symbols


def stops(proofs: Proofs) -> list[int]:
    """Return the instants to stop at, ascending: those at which most is proven, then the others."""
    told = [line.at_ms for lines in proofs.klines.values() for line in lines]
    depth = [(symbol, line) for symbol, lines in proofs.depth.items() for line in lines]
    told += [line.at_ms for _, line in depth if line.url]
    with_best = [
        line.at_ms
        for symbol, line in depth
        if not line.url and proofs.best_at(symbol, line.content["u"])
    ]
    chosen = set(told) | set(_spread(with_best, STOPS // 2))
    tickers = [line.at_ms for lines in proofs.book_tickers.values() for line in lines]
    for others in ([line.at_ms for _, line in depth], tickers):
        left = sorted(set(others) - chosen)
        chosen |= set(_spread(left, STOPS - len(chosen)))
    return sorted(chosen)


def _spread(instants: Iterable[int], count: int) -> Iterator[int]:
    """Yield `count` of the instants, evenly; all if they are no more."""
    ordered = sorted(set(instants))
    if len(ordered) <= count:
        yield from ordered
    else:
        yield from (ordered[number * len(ordered) // count] for number in range(max(count, 0)))


@contextmanager
def _walking(name: str) -> Iterator[Walk]:
    session = SESSIONS[name]
    with staged(session) as stage:
        if name in FOLLOWED:
            stage.await_listing()
        yield Walk(stage, proofs_of(name))


@cache
def walked(name: str) -> Seen:
    """Walk through a session, once."""
    with _walking(name) as walk:
        walk.go()
    return walk.seen
