"""Candles of one minute, written short."""

import json

from bpx.exchange.interval import MINUTES_AND_MORE, by_name
from bpx.exchange.kline import Kline, decode_row
from bpx.state.candles import Candles

INTERVALS = by_name(*MINUTES_AND_MORE)
MINUTE_MS = 60_000


def row(minute, trades=5, close="2.0"):
    """Return a candle of the minute, flat if it has no trades."""
    open_ms = minute * MINUTE_MS
    volume = f"{trades}.00"
    return decode_row(
        f'{open_ms},"1.0","3.0","1.0","{close}","{volume}",{open_ms + MINUTE_MS - 1},'
        f'"{volume}",{trades},"0.00","0.00","0"'.encode()
    )


def frame(minute, trades=5, final=False, close="2.0"):
    return Kline(row(minute, trades, close), final, 0)


def loaded(*rows, asked=None):
    candles = Candles(INTERVALS["1m"])
    candles.load(rows, len(rows) if asked is None else asked)
    return candles


def minutes(candles, limit, with_following=False):
    """Return the minutes and trades of an answer's rows, None if there is no answer."""
    view = candles.view(0.0)
    if view.parts(limit, with_following) is None:
        return None
    return [(r[0] // MINUTE_MS, r[8]) for r in json.loads(joined(view, limit, with_following))]


def joined(view, limit, with_following=False):
    """Return a reply as a client gets it."""
    return b"".join(view.parts(limit, with_following))
