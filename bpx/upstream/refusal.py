"""What a reply of Binance means for all calls that follow: that it wants no more of them."""

import re
from dataclasses import dataclass

import orjson

from bpx.errors import Throttled

TOO_MANY_ORDERS = -1015  # one account's orders, not our address
MINUTE_S = 60.0
BAN_S = 120.0  # the shortest ban there is, where nothing tells how long
SHORTEST_S = 1.0
LONGEST_S = 3 * 24 * 3600.0

_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Binance said, and for how long it holds.

    Args:
        status: 429 or 418.
        code: Binance's, from the body.
        message: Binance's, from the body; None if it had none.
        seconds: from the reply on.
    """

    status: int
    code: int
    message: str | None
    seconds: float


def read_refusal(
    status: int, retry_after: str | None, body: bytes, at_ms: int | None
) -> Refusal | None:
    """Return what a reply means for all that follow; None if it starts no hold.

    Args:
        status: of the reply.
        retry_after: its header.
        body: decoded.
        at_ms: the exchange's time, if it is known.
    """
    if status not in (429, 418):
        return None
    code, message = _read_error(body)
    if code == TOO_MANY_ORDERS:
        return None
    seconds = _seconds(status, retry_after, body.decode("latin-1"), at_ms)
    code = Throttled.code if code is None else code
    return Refusal(status, code, message, min(max(seconds, SHORTEST_S), LONGEST_S))


def is_firewall(status: int, body: bytes) -> bool:
    """Tell whether a reply is not the exchange's: its 403 is a page, and says no code.

    Args:
        status: of the reply.
        body: decoded.
    """
    return status == 403 and _read_error(body)[0] is None


def _read_error(body: bytes) -> tuple[int | None, str | None]:
    """Return code and message of an error's body; an edge sends HTML instead, and has none."""
    try:
        error = orjson.loads(body)
    except orjson.JSONDecodeError:
        error = None
    if not isinstance(error, dict):
        return None, None
    code, message = error.get("code"), error.get("msg")
    return code if isinstance(code, int) else None, message if isinstance(message, str) else None


def _seconds(status: int, retry_after: str | None, text: str, at_ms: int | None) -> float:
    if retry_after is not None and retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    banned = _BANNED_UNTIL.search(text)
    if banned is not None and at_ms is not None:
        return (int(banned[1]) - at_ms) / 1000
    if status == 418:
        return BAN_S
    return MINUTE_S if at_ms is None else MINUTE_S - at_ms / 1000 % MINUTE_S
