"""Partial books on the wire: a frame of `<symbol>@depth20@100ms`, and a REST depth reply.

What differs between the markets is the names of the keys, as rows of `DepthKeys`.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from bpx.errors import BadMessage
from bpx.exchange.written import written

Level = list[str]  # price, quantity: the digits that Binance sent

_NUMBERS = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?,)*")  # of one side, each with a comma behind it


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Depth:
    """The best levels of a book, best first."""

    update_id: int
    times: dict[str, int]  # of the frame, by name; none on spot
    bids: list[Level]
    asks: list[Level]

    def body(self, limit: int) -> bytes:
        """Return the reply to a depth request for `limit` levels of each side."""
        return written(
            {
                "lastUpdateId": self.update_id,
                **self.times,
                "bids": self.bids[:limit],
                "asks": self.asks[:limit],
            }
        )


def decode_depth_frame(payload: bytes, keys: DepthKeys) -> Depth:
    """Read a frame of a partial-book stream.

    Raises:
        BadMessage: it is not one.
    """
    return _decode(payload, keys)


def decode_depth_reply(body: bytes, keys: DepthKeys) -> Depth:
    """Read the body of a depth reply.

    Raises:
        BadMessage: it is not one.
    """
    return _decode(body, DepthKeys("lastUpdateId", "bids", "asks", keys.times))


def _decode(payload: bytes, keys: DepthKeys) -> Depth:
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
    return Depth(update_id, times, bids, asks)


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
