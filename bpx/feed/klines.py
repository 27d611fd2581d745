"""Following one series of candles."""

from urllib.parse import quote

from bpx.exchange.endpoint import Source
from bpx.exchange.interval import Interval
from bpx.exchange.kline import Kline, decode_kline, decode_rows
from bpx.exchange.market import Market
from bpx.exchange.stream import KLINE
from bpx.feed.follower import LEAST_IDLE_S, MOST_LAG_S, Question
from bpx.state.candles import Candles
from bpx.state.clock import ExchangeClock
from bpx.state.history import CandlesView
from bpx.streams.tap import Arrival


class KlineFollower:
    """Follows the candles of one symbol and interval.

    Args:
        market: where.
        symbol: whose candles.
        interval: of the candles.
        clock: told the event time of every frame.
    """

    kind = "klines"
    early_s: float | None = None

    def __init__(
        self, market: Market, symbol: str, interval: Interval, clock: ExchangeClock
    ) -> None:
        stream = market.stream(KLINE, symbol, interval.name)
        self.route = stream.route
        self.streams: tuple[str, ...] = (stream.name,)
        self.confirming = stream.name
        self.idle_s = max(LEAST_IDLE_S, 2 * interval.length_s)
        self._endpoint = market.endpoint(Source.KLINES)
        self._steps = market.kline_steps
        self._symbol = symbol
        self._interval = interval
        self._clock = clock
        self._candles = Candles(interval)
        self._told_at = 0.0  # when the series was last told, in monotonic seconds
        self._early: Kline | None = None  # the newest frame before which something is missing

    def question(self, rows: int, at_ms: int | None) -> Question:
        """Return what to ask REST for: a step that holds `rows`, or the few that are missing."""
        if self._candles.is_empty or self._candles.lacks(rows):
            wanted = next((step for step in self._steps if step >= rows), self._steps[-1])
        else:
            missing = self._candles.missing_rows(at_ms) if at_ms is not None else 1
            wanted = min(missing + 1, self._steps[-1])
        params = {
            "symbol": self._symbol,
            "interval": self._interval.name,
            "limit": str(wanted),
        }
        query = "&".join(f"{name}={quote(value)}" for name, value in params.items())
        return Question(f"{self._endpoint.path}?{query}", self._endpoint.weight(params), wanted)

    def begin_generation(self) -> None:
        """Nothing to do: a frame tells its whole candle, and a missing candle shows."""

    def apply(self, arrival: Arrival) -> CandlesView | None:
        """Take a frame; return the series after it.

        None while its history is not here yet, and for a frame that is older than the series.
        """
        kline = decode_kline(arrival.payload)
        self._clock.observe(kline.event_ms, arrival.at)
        if not self._candles.follows(kline):
            self._keep_early(kline)
            if self._candles.is_empty:
                return None
        is_news = self._candles.apply(kline)
        if is_news and kline.final:
            self._apply_early()
        if not is_news:
            return None
        self._told_at = arrival.at
        return self._candles.view(arrival.at)

    def load(
        self, body: bytes, question: Question, at: float, asked_at: float
    ) -> tuple[CandlesView | None, bool]:
        """Take rows of REST; return the series after them, and whether they told nothing new.

        Rows that end before the newest candle prove nothing as long as REST may lag: None.
        """
        rows = decode_rows(body)
        is_sure = asked_at - self._told_at > MOST_LAG_S
        if self._candles.is_past(rows) and not is_sure:
            return None, True
        if is_sure or not self._candles.is_ahead(rows):
            self._told_at = at
        agrees = self._candles.load(rows, question.rows, is_sure=is_sure)
        self._apply_early()
        self._early = None
        return self._candles.view(at), agrees

    def _keep_early(self, kline: Kline) -> None:
        """Keep the newest frame that came before what it follows, of two connections maybe."""
        early = self._early
        if early is None or _order(early) <= _order(kline):
            self._early = kline

    def _apply_early(self) -> None:
        if self._early is not None and self._candles.follows(self._early):
            self._candles.apply(self._early)
            self._early = None


def _order(kline: Kline) -> tuple[int, bool, int, int]:
    return kline.row.open_ms, kline.final, kline.row.trades, kline.event_ms
