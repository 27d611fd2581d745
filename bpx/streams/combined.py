"""The protocol of combined streams: who a message is for, and what we send.

Pure. https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import orjson

from bpx.errors import BadMessage, Garbled

_PREFIX, _MIDDLE = b'{"stream":"', b'","data":'
_MOST_HEAD_BYTES = 256  # before the payload, if it is to be cut apart without parsing
BATCH = 200  # names in one control message
SHUTDOWN = "!serverShutdown"


class Delivery(NamedTuple):
    """A message of a stream."""

    stream: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The reply to a control message; `refusal` is what the exchange objects to, if it does."""

    id: int | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A control message to send."""

    method: str
    streams: Sequence[str]


def read(message: bytes) -> Delivery | Acknowledgement:
    """Tell what a message is.

    The usual form is cut apart without parsing: the payload is parsed once, by its feed. What is
    broken behind the name of its stream is delivered, too: that feed has missed something.

    Raises:
        Garbled: nobody can tell what it was.
        BadMessage: it is neither a delivery nor a reply.
    """
    head, middle, payload = message.partition(_MIDDLE)
    if middle and len(head) <= _MOST_HEAD_BYTES:
        name = _name_in(head)
        if name is not None:
            return Delivery(name, payload.rstrip().removesuffix(b"}"))
    return _parse(message)


@lru_cache(maxsize=4096)  # as many streams as several connections carry
def _name_in(head: bytes) -> str | None:
    """Return the name of a stream in what comes before its payload; None if that is unusual."""
    name = head.removeprefix(_PREFIX)
    if not head.startswith(_PREFIX) or b"\\" in name or b'"' in name:
        return None
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


def _parse(message: bytes) -> Delivery | Acknowledgement:
    try:
        content = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise Garbled(f"not JSON: {message[:200]!r}") from error
    match content:
        case {"stream": str(stream)}:
            return Delivery(stream, orjson.dumps(content.get("data")))
        case {"e": "serverShutdown"}:
            return Delivery(SHUTDOWN, message)
        case {"result": None, "id": int(id_)}:
            return Acknowledgement(id_, None)
        case {"error": {"msg": msg}} | {"code": int(), "msg": msg}:
            id_ = content.get("id")
            return Acknowledgement(id_ if isinstance(id_, int) else None, str(msg))
    is_notice = isinstance(content, dict) and not content.keys() & {"stream", "data"}
    raise (BadMessage if is_notice else Garbled)(f"unknown message: {message[:200]!r}")


def control(method: str, streams: Iterable[str], id_: int) -> bytes:
    """Return a SUBSCRIBE or UNSUBSCRIBE message."""
    return orjson.dumps({"method": method, "params": list(streams), "id": id_})
