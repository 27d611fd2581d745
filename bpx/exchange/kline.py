"""Klines on the wire: rows of a REST reply, frames of a stream.

A row stays the text that Binance sent, so that an answer repeats it digit for digit.
https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

import re
from typing import NamedTuple

import orjson

from bpx.errors import BadMessage
from bpx.exchange.usual import NUMBER, TEXT, WHOLE, others

_NUMBER = rb'"-?\d+(?:\.\d+)?"'
_ROW = re.compile(
    rb"(\d+),(?:" + _NUMBER + rb",){3}(" + _NUMBER + rb"),(" + _NUMBER + rb"),"
    rb"(\d+),(" + _NUMBER + rb"),(\d+),(" + _NUMBER + rb"),(" + _NUMBER + rb"),(" + _NUMBER + rb")"
)
_FRAME = re.compile(
    rb'\{"e":"kline","E":(%(whole)b),%(others)b"k":\{"t":(%(whole)b),"T":(%(whole)b),"s":%(text)b,'
    rb'"i":%(text)b,"f":-?+%(whole)b,"L":-?+%(whole)b,"o":(%(number)b),"c":(%(number)b),'
    rb'"h":(%(number)b),"l":(%(number)b),"v":(%(number)b),"n":(%(whole)b),"x":(true|false),'
    rb'"q":(%(number)b),"V":(%(number)b),"Q":(%(number)b),"B":(%(number)b)\}\}'
    % {b"whole": WHOLE, b"number": NUMBER, b"text": TEXT, b"others": others("e", "E", "k")}
)
_ORDER = (2, 4, 6, 7, 5, 8, 3, 11, 9, 12, 13, 14)  # of its groups in a row
_FRAME_KEYS = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")


class Row(NamedTuple):
    """One candle: `text` is the JSON array that Binance sends for it, without its brackets."""

    open_ms: int
    close_ms: int
    trades: int
    text: bytes


class Kline(NamedTuple):
    """A frame of a kline stream: the candle as it is at `event_ms`; `final` when it has closed."""

    row: Row
    final: bool
    event_ms: int


def decode_row(text: bytes) -> Row:
    """Read one row, given without its brackets.

    Raises:
        BadMessage: it is not a kline.
    """
    match = _ROW.fullmatch(text)
    if match is None:
        raise BadMessage(f"not a kline row: {text[:200]!r}")
    return Row(int(match[1]), int(match[4]), int(match[6]), text)


def decode_rows(body: bytes) -> list[Row]:
    """Read the body of a klines reply, oldest row first.

    Raises:
        BadMessage: it is not a list of klines.
    """
    if body.strip() == b"[]":
        return []
    if not (body.startswith(b"[[") and body.endswith(b"]]")):
        raise BadMessage(f"not a list of klines: {body[:200]!r}")
    return [decode_row(text) for text in body[2:-2].split(b"],[")]


def decode_kline(payload: bytes) -> Kline:
    """Read a frame of a kline stream.

    Raises:
        BadMessage: it is not a kline frame.
    """
    match = _FRAME.fullmatch(payload)
    if match is None:
        return _read(payload)
    event_ms, open_ms, close_ms, trades, final = match.group(1, 2, 3, 9, 10)
    text = b",".join(match.group(*_ORDER))
    return Kline(
        Row(int(open_ms), int(close_ms), int(trades), text), final == b"true", int(event_ms)
    )


def _read(payload: bytes) -> Kline:
    """Read a frame that is not written as usual."""
    try:
        frame = orjson.loads(payload)
        candle = frame["k"]
        text = orjson.dumps([candle[key] for key in _FRAME_KEYS])[1:-1]
        final, event_ms = candle["x"], frame["E"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadMessage(f"not a kline frame: {payload[:200]!r}") from error
    if type(final) is not bool or type(event_ms) is not int or event_ms < 0:
        raise BadMessage(f"not a kline frame: {payload[:200]!r}")
    return Kline(decode_row(text), final, event_ms)


def flat_row(before: Row, close_ms: int) -> Row:
    """Return the candle that follows `before` as long as nothing was traded in it.

    Open, high, low and close are the close before; the volumes are zero in the number format of
    the symbol. This is what Binance sends for an interval without trades.
    """
    match = _ROW.fullmatch(before.text)
    assert match is not None, "a Row's text is a row"
    close, volume, quote, taker, taker_quote, ignored = match.group(2, 3, 5, 7, 8, 9)
    open_ms = before.close_ms + 1
    parts = (
        b"%d" % open_ms,
        *([close] * 4),
        _zero(volume),
        b"%d" % close_ms,
        _zero(quote),
        b"0",
        _zero(taker),
        _zero(taker_quote),
        ignored,
    )
    return Row(open_ms, close_ms, 0, b",".join(parts))


def _zero(number: bytes) -> bytes:
    """Return zero with as many decimals: `"20.680"` gives `"0.000"`."""
    _, point, decimals = number.strip(b'"').partition(b".")
    return b'"0' + point + b"0" * len(decimals) + b'"'
