"""The protocol of combined streams: who a message is for, and what we send.

Pure. https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from bpx.errors import BadMessage, Garbled

_PREFIX, _MIDDLE = b'{"stream":"', b'","data":'
BATCH = 200  # names in one control message
SHUTDOWN = "!serverShutdown"


@dataclass(frozen=True, slots=True)
class Delivery:
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
    if message.startswith(_PREFIX):
        end = message.find(b'"', len(_PREFIX))
        name = message[len(_PREFIX) : end]
        if message.startswith(_MIDDLE, end) and b"\\" not in name and _is_text(name):
            payload = message[end + len(_MIDDLE) :].rstrip()
            return Delivery(name.decode(), payload.removesuffix(b"}"))
    return _parse(message)


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


def _is_text(name: bytes) -> bool:
    if name.isascii():
        return True
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def control(method: str, streams: Iterable[str], id_: int) -> bytes:
    """Return a SUBSCRIBE or UNSUBSCRIBE message."""
    return orjson.dumps({"method": method, "params": list(streams), "id": id_})
