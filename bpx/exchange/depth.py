"""Partial books on the wire: a frame of `<symbol>@depth20@100ms`, and a REST depth reply.

What differs between the markets is the names of the keys, as rows of `DepthKeys`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from bpx.errors import BadMessage
from bpx.exchange.usual import BROKEN, UNSIGNED, WHOLE, others
from bpx.exchange.written import written

_NUMBERS = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?,)*")  # of one side, each with a comma behind it
_LEVEL, _USUAL = (rb"\[%b,%b\]" % (number, number) for number in (UNSIGNED, BROKEN))
_SIDE = rb"\[(?:%b(?:,%b)*+(?=\])|%b(?:,%b)*+)?+\]" % (_USUAL, _USUAL, _LEVEL, _LEVEL)


@dataclass(frozen=True, slots=True, eq=False)  # there is one of a market, found by itself
class DepthKeys:
    """What the parts of a partial book are called, in frames of a stream.

    Args:
        update_id, bids, asks: names in the frame.
        times: names that the reply carries between the update id and the bids, if any.
    """

    update_id: str
    bids: str
    asks: str
    times: tuple[str, ...] = ()


class Depth(NamedTuple):
    """The best levels of a book, best first.

    Args:
        update_id: of the book.
        times: of the frame, by name; none on spot.
        bids, asks: lists of price and quantity as JSON: the bytes that Binance sent.
    """

    update_id: int
    times: Mapping[str, int]
    bids: bytes
    asks: bytes

    def body(self, limit: int) -> bytes:
        """Return the reply to a depth request for `limit` levels of each side."""
        times = b"".join(b'"%b":%d,' % (name.encode(), ms) for name, ms in self.times.items())
        bids, asks = _best(self.bids, limit), _best(self.asks, limit)
        return b'{"lastUpdateId":%d,%b"bids":%b,"asks":%b}' % (self.update_id, times, bids, asks)


def decode_depth_frame(payload: bytes, keys: DepthKeys) -> Depth:
    """Read a frame of a partial-book stream. Its levels stay the bytes that they are.

    Raises:
        BadMessage: it is not one.
    """
    match = _frame(keys).fullmatch(payload)
    if match is None:
        return _decode(payload, keys)
    *times, update_id, bids, asks = match.groups()
    return Depth(int(update_id), dict(zip(keys.times, map(int, times), strict=True)), bids, asks)


def decode_depth_reply(body: bytes, keys: DepthKeys) -> Depth:
    """Read the body of a depth reply.

    Raises:
        BadMessage: it is not one.
    """
    return _decode(body, DepthKeys("lastUpdateId", "bids", "asks", keys.times))


@lru_cache(maxsize=8)
def _frame(keys: DepthKeys) -> re.Pattern[bytes]:
    """Return how frames are usually written."""
    between = others(*keys.times, keys.update_id, keys.bids, keys.asks)
    numbers = [b'%b"%b":(%b),' % (between, name.encode(), WHOLE) for name in
               (*keys.times, keys.update_id)]  # fmt: skip
    sides = b'%b"%b":(%b),"%b":(%b)' % (
        between, keys.bids.encode(), _SIDE, keys.asks.encode(), _SIDE,
    )  # fmt: skip
    return re.compile(rb"\{%b%b\}" % (b"".join(numbers), sides))


def _best(side: bytes, limit: int) -> bytes:
    """Return the first `limit` levels of a side."""
    levels = side.split(b"],", limit)
    return side if len(levels) <= limit else b"],".join(levels[:limit]) + b"]]"


def _decode(payload: bytes, keys: DepthKeys) -> Depth:
    """Read a book, however its JSON is written."""
    try:
        frame = orjson.loads(payload)
        update_id = frame[keys.update_id]
        times = {name: frame[name] for name in keys.times}
        bids, asks = frame[keys.bids], frame[keys.asks]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadMessage(f"not a partial book: {payload[:200]!r}") from error
    if not (
        type(update_id) is int
        and all(type(time_ms) is int for time_ms in times.values())
        and _are_levels(bids)
        and _are_levels(asks)
    ):
        raise BadMessage(f"not a partial book: {payload[:200]!r}")
    return Depth(update_id, times, written(bids), written(asks))


def _are_levels(side: Any) -> bool:
    """Whether it is a list of pairs of numbers in strings, as Binance writes them."""
    if type(side) is not list or any(type(level) is not list for level in side):
        return False
    try:
        texts = [text for price, quantity in side for text in (price, quantity)]
        joined = ",".join([*texts, ""])
    except (TypeError, ValueError):
        return False
    return _NUMBERS.fullmatch(joined) is not None and joined.count(",") == len(texts)
