"""A series of one-minute candles as an exchange has it: the truth that tests compare with."""

from bpx.exchange.kline import Kline, decode_row

MINUTE_MS = 60_000


class Series:
    """Candles that trades make.

    Args:
        candles: how many there are at the start.

    `moments` are the rows after every change, as REST gives them; `frames` is what the stream
    says, each with the moment that it tells.
    """

    def __init__(self, candles: int) -> None:
        self._rows: list[bytes] = []
        self._minute = 100
        self._prices: list[int] = []  # of the trades in the open candle
        self._close = 7
        self.moments: list[list[bytes]] = [[]]
        self.frames: list[tuple[Kline, int]] = []
        for _ in range(candles):
            self.trade(2)
            self.roll(is_announced=False)
        self.moments, self.frames = self.moments[-1:], []

    @property
    def has_candles(self) -> bool:
        return bool(self._rows)

    def trade(self, price: int) -> None:
        """One more trade in the open candle; the first of all begins the series."""
        self._rows = self._rows[:-1] if self._rows else []
        self._prices.append(price)
        self._write()
        self._say(final=False)

    def roll(self, is_announced: bool) -> None:
        """The minute ends: its final frame, a flat candle, and maybe a frame of that, too."""
        self._say(final=True)
        self._close = self._prices[-1] if self._prices else self._close
        self._minute += 1
        self._prices = []
        self._write()
        if is_announced:
            self._say(final=False)

    def _write(self) -> None:
        prices = self._prices or [self._close]
        first, last, open_ms = prices[0], prices[-1], self._minute * MINUTE_MS
        volume = f"{len(self._prices)}.000"
        text = (
            f'{open_ms},"{first}.00","{max(prices)}.00","{min(prices)}.00","{last}.00",'
            f'"{volume}",{open_ms + MINUTE_MS - 1},"{volume}",{len(self._prices)},'
            f'"{volume}","{volume}","0"'
        )
        self._rows = [*self._rows, text.encode()]
        self.moments.append(self._rows)

    def _say(self, final: bool) -> None:
        kline = Kline(decode_row(self._rows[-1]), final, 0)
        self.frames.append((kline, len(self.moments) - 1))
