"""The control messages of a stream connection: SUBSCRIBE and its siblings. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_TOO_MANY = b'{"error":{"code":4,"msg":"Too many subscriptions"}}'


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a control message leads to: a reply, names gained and lost, perhaps the end."""

    reply: bytes
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    close: bool = False


class _Refused(Exception):
    """A control message is wrong: `code` and the text are Binance's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Session:
    """The subscriptions and properties of one connection.

    Args:
        market: "spot" or "futures"; what may be an id differs.
        combined: whether messages are wrapped with their stream's name.
        max_streams: one more is answered with an error, and the connection is to be closed.
    """

    def __init__(self, market: str, combined: bool, max_streams: int) -> None:
        self._market = market
        self.combined = combined
        self.max_streams = max_streams
        self.streams: dict[str, None] = {}

    def start(self, streams: Iterable[str]) -> Outcome:
        """Take the names of the path. The reply is empty unless they are too many."""
        return self._subscribe(tuple(streams), reply=b"")

    def obey(self, text: bytes) -> Outcome:
        """Carry out a control message and return what follows from it."""
        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            problem = f"Invalid JSON: expected value at line {error.lineno} column {error.colno}"
            return Outcome(_error(3, problem, None))
        request_id = request.get("id") if isinstance(request, dict) else None
        try:
            return self._obey(request)
        except _Refused as refusal:
            return Outcome(_error(refusal.code, str(refusal), request_id))

    def _obey(self, request: Any) -> Outcome:
        if not isinstance(request, dict):
            raise _Refused(2, "Invalid request: expected an object at line 1 column 1")
        if "method" not in request:
            raise _Refused(2, "Invalid request: missing field `method` at line 1 column 1")
        method = request["method"]
        if method not in _METHODS:
            expected = ", ".join(f"`{name}`" for name in _METHODS)
            problem = f"unknown variant `{method}`, expected one of {expected}"
            raise _Refused(2, f"Invalid request: {problem} at line 1 column 28")
        request_id = request.get("id")
        self._check_id("id" in request, request_id)
        params = request.get("params", [])
        if not isinstance(params, list):
            raise _Refused(2, "Invalid request: params must be an array")
        if method == "LIST_SUBSCRIPTIONS":
            return Outcome(_result(list(self.streams), request_id))
        if method.endswith("PROPERTY"):
            return Outcome(_result(self._property(method, params), request_id))
        return self._follow(method, params, request_id)

    def _follow(self, method: str, params: list[Any], request_id: Any) -> Outcome:
        if not all(isinstance(name, str) for name in params):
            raise _Refused(2, "Invalid request: stream name must be a string")
        acknowledged = _result(None, request_id)
        if method == "SUBSCRIBE":
            return self._subscribe(tuple(params), acknowledged)
        removed = tuple(name for name in dict.fromkeys(params) if name in self.streams)
        for name in removed:
            del self.streams[name]
        return Outcome(acknowledged, removed=removed)

    def _subscribe(self, names: tuple[str, ...], reply: bytes) -> Outcome:
        added = tuple(name for name in dict.fromkeys(names) if name not in self.streams)
        if len(self.streams) + len(added) > self.max_streams:
            return Outcome(_TOO_MANY, close=True)
        self.streams.update(dict.fromkeys(added))
        return Outcome(reply, added=added)

    def _property(self, method: str, params: list[Any]) -> bool | None:
        if not params or not isinstance(params[0], str):
            raise _Refused(2, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise _Refused(0, "Unknown property")
        if len(params) > (2 if method == "SET_PROPERTY" else 1):
            raise _Refused(2, "Invalid request: too many parameters")
        if method == "GET_PROPERTY":
            return self.combined
        if len(params) < 2 or not isinstance(params[1], bool):
            raise _Refused(1, "Invalid value type: expected Boolean")
        self.combined = params[1]
        return None

    def _check_id(self, given: bool, request_id: Any) -> None:
        if self._market == "spot":
            is_text = isinstance(request_id, str) and request_id.isalnum() and len(request_id) <= 36
            is_legal = is_text or request_id is None or type(request_id) is int
            problem = "request ID must be an integer, an alphanumeric string or null"
        else:
            is_legal = given and type(request_id) is int and request_id >= 0
            problem = "request ID must be an unsigned integer"
        if not is_legal:
            raise _Refused(2, f"Invalid request: {problem}")


def _result(result: Any, request_id: Any) -> bytes:
    return orjson.dumps({"result": result, "id": request_id})


def _error(code: int, message: str, request_id: Any) -> bytes:
    error: dict[str, Any] = {"code": code, "msg": message}
    if request_id is not None:
        error["id"] = request_id
    return orjson.dumps(error)
