"""24-hour tickers on the wire: frames of `@ticker` and `@bookTicker`, and the REST reply.

The order of fields in a reply, and the name each has in a frame, are rows of a `TickerShape`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from bpx.errors import BadMessage
from bpx.exchange.unread import Unread
from bpx.exchange.usual import NUMBER, TEXT, WHOLE, others, others_behind

BOOK_FIELDS = {"bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
WHOLE_NUMBERS = frozenset({"openTime", "closeTime", "firstId", "lastId", "count"})
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_FRAME_ORDER = "pPwxcQbBaAohlvqOCFLn"  # of the fields that a frame may have, behind its symbol
_BOOK_TICKER = re.compile(
    rb'\{%(others)b"u":(%(whole)b),"s":%(text)b,"b":%(number)b,"B":%(number)b,"a":%(number)b,'
    rb'"A":%(number)b\}'
    % {b"others": others("u", "s", *"bBaA"), b"whole": WHOLE, b"text": TEXT, b"number": NUMBER}
)

Ticker = Mapping[str, str | int]  # by the names of the REST reply, in its order


@dataclass(frozen=True, slots=True, eq=False)  # there is one of a market, found by itself
class TickerShape:
    """How a market writes a ticker.

    Args:
        full: pairs of a field of the reply and its name in the frame, in the reply's order.
        mini: the fields of `type=MINI`, in order; empty where the market has no such type.
    """

    full: tuple[tuple[str, str], ...]
    mini: tuple[str, ...] = ()


def decode_ticker_frame(payload: bytes, shape: TickerShape) -> tuple[Ticker, int]:
    """Read a frame of a ticker stream: its ticker, and its event time in ms.

    Raises:
        BadMessage: it is not one.
    """
    columns = _columns(shape)
    match = columns.frame.fullmatch(payload)
    if match is None:
        return _read_ticker(payload, columns)
    event_ms, close_ms, last_id = map(int, match.groups())
    known = {"closeTime": close_ms, "lastId": last_id}
    return Unread(payload, columns.keys, known), event_ms


def _read_ticker(payload: bytes, columns: "_Columns") -> tuple[Ticker, int]:
    """Read a frame that is not written as usual."""
    frame = _loads(payload)
    try:
        ticker = {name: frame[key] for name, key in columns.keys.items()}
        event_ms = frame["E"]
    except (KeyError, TypeError) as error:
        raise BadMessage(f"not a ticker: {payload[:200]!r}") from error
    if type(event_ms) is not int:
        raise BadMessage(f"not a ticker: {payload[:200]!r}")
    return _checked(ticker, payload), event_ms


def decode_ticker_reply(body: bytes, shape: TickerShape) -> Ticker:
    """Read the body of a ticker/24hr reply for one symbol, type FULL.

    Raises:
        BadMessage: it is not one.
    """
    reply = _loads(body)
    try:
        ticker = {name: reply[name] for name, _ in shape.full}
    except (KeyError, TypeError) as error:
        raise BadMessage(f"not a ticker: {body[:200]!r}") from error
    return _checked(ticker, body)


def decode_book_ticker(payload: bytes) -> tuple[int, Mapping[str, str]]:
    """Read a frame of a book ticker stream: its update id, and the fields it gives a ticker.

    Raises:
        BadMessage: it is not one.
    """
    match = _BOOK_TICKER.fullmatch(payload)
    return (_book_ticker_id(payload) if match is None else int(match[1])), Unread(
        payload, BOOK_FIELDS
    )


def _book_ticker_id(payload: bytes) -> int:
    """Return the update id of a frame that is not written as usual."""
    frame = _loads(payload)
    try:
        fields = [frame[key] for key in BOOK_FIELDS.values()]
        update_id = frame["u"]
    except (KeyError, TypeError) as error:
        raise BadMessage(f"not a book ticker: {payload[:200]!r}") from error
    if type(update_id) is not int or not all(map(_is_number, fields)):
        raise BadMessage(f"not a book ticker: {payload[:200]!r}")
    return update_id


class _Columns:
    """How the frames of a shape are usually written.

    Args:
        shape: the fields.
    """

    def __init__(self, shape: TickerShape) -> None:
        self.keys: Mapping[str, str] = dict(shape.full)
        names = {key: name for name, key in shape.full}
        between = others("e", "E", *names)
        fields = b",".join(_pattern(key, names[key]) for key in _FRAME_ORDER if key in names)
        self.frame = re.compile(
            rb'\{"e":"24hrTicker","E":(%b),"s":%b,%b%b%b\}'
            % (WHOLE, TEXT, between, fields, others_behind("e", "E", *names))
        )


def _pattern(key: str, name: str) -> bytes:
    """Return what matches one field in a frame."""
    value = rb"-?+" + WHOLE if name in WHOLE_NUMBERS else NUMBER
    return rb'"%b":%b' % (
        key.encode(),
        rb"(%b)" % value if name in ("closeTime", "lastId") else value,
    )


_columns = lru_cache(maxsize=8)(_Columns)


def _checked(ticker: dict[str, str | int], payload: bytes) -> Ticker:
    for name, value in ticker.items():
        if name in WHOLE_NUMBERS:
            is_good = type(value) is int
        else:
            is_good = type(value) is str if name == "symbol" else _is_number(value)
        if not is_good:
            raise BadMessage(f"{name} of a ticker is {value!r}: {payload[:200]!r}")
    return ticker


def _is_number(text: object) -> bool:
    """Whether it is a number in a string, as Binance writes it."""
    return type(text) is str and _NUMBER.fullmatch(text) is not None


def _loads(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise BadMessage(f"not JSON: {payload[:200]!r}") from error
