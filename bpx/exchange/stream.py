"""Names of streams. Which path of the stream host carries them is a row of the market."""

from dataclasses import dataclass

KLINE = "kline"
DEPTH = "depth"
TICKER = "ticker"
BOOK_TICKER = "bookTicker"

_SUFFIXES = {
    KLINE: "kline_{interval}",
    DEPTH: "depth20@100ms",
    TICKER: "ticker",
    BOOK_TICKER: "bookTicker",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: the path under the base of the market's streams that carries it, and its name."""

    route: str
    name: str


def stream_name(kind: str, symbol: str, interval: str = "") -> str:
    """Return the name of a symbol's stream; `interval` is for klines alone."""
    return f"{symbol.lower()}@{_SUFFIXES[kind].format(interval=interval)}"
