"""A connection that writes a request exactly as it came, and tells whether it did."""

import http.client
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection

from bpx.upstream.call import Headers
from bpx.upstream.heads import StrictResponse

RECORD_BYTES = 16_384  # the most that one TLS record carries


@dataclass(frozen=True, slots=True)
class Connecting:
    """How connections of one pool are had.

    Args:
        now: monotonic seconds.
        deadline: of the runtime, around name look-up, connect and TLS.
        has_come: tells of a descriptor whether anything can be read.
        connect_s: its seconds.
        idle_s: how long a connection may lie unused and still be used again.
    """

    now: Callable[[], float]
    deadline: Callable[[float], AbstractContextManager[None]]
    has_come: Callable[[int], bool]
    connect_s: float = 3.0
    idle_s: float = 60.0


@dataclass(slots=True)
class Attempt:
    """One try to deliver a call, and what became of it.

    Attributes:
        target: what goes into the request line.
        was_sent: a byte of the request was handed to the network.
    """

    target: str
    was_sent: bool = False


class _LeftOut(str):
    """The value of a header that is not to be sent, though urllib3 would add one of its own."""

    __slots__ = ()


_LEFT_OUT = _LeftOut()


class RawHeaders(CaseInsensitiveDict[str]):
    """A call's headers, which carry its attempt through requests and urllib3."""

    def __init__(self, headers: Headers, attempt: Attempt) -> None:
        super().__init__()
        for name, value in headers:
            self[name] = f"{self[name]}, {value}" if name in self else value
        self.setdefault("User-Agent", _LEFT_OUT)
        self.attempt = attempt

    def copy(self) -> "RawHeaders":
        """Stay the same: urllib3 takes a copy on the way, and the attempt must not get lost."""
        return self


class RawConnection(HTTPConnection):
    """A connection that puts an attempt's target into the request line.

    Attributes:
        connecting: set by the pool that makes it.
        released_at: monotonic seconds when its last call was over.
    """

    response_class = StrictResponse
    connecting: Connecting
    released_at = 0.0
    _attempt: Attempt

    def connect(self) -> None:
        """Connect, name look-up and TLS included, within the deadline and the attempt's time."""
        connect_s = self.connecting.connect_s
        if isinstance(self.timeout, float):
            connect_s = min(connect_s, self.timeout)
        with self.connecting.deadline(connect_s):
            super().connect()

    @property
    def is_connected(self) -> bool:
        """Whether it is open, and nothing has come on it that nobody has asked for."""
        if self.sock is None:
            return False
        deciphered = getattr(self.sock, "pending", None)  # TLS keeps it, and no descriptor tells
        has_more = deciphered is not None and deciphered() > 0
        return not has_more and not self.connecting.has_come(self.sock.fileno())

    def request(  # type: ignore[override]
        self, method: str, url: str, *, headers: RawHeaders, chunked: bool = False, **rest: Any
    ) -> None:
        """Write the attempt that `headers` carry."""
        self._attempt = headers.attempt
        super().request(method, url, headers=headers, **rest)

    def putrequest(self, method: str, url: str, *args: Any, **rest: Any) -> None:
        """Begin the request with the attempt's target, whatever `url` is."""
        super().putrequest(method, self._attempt.target, skip_accept_encoding=True)

    def putheader(self, header: str | bytes, *values: Any) -> None:
        """Write a header whatever its value is: to urllib3 one of them is an order."""
        if not any(isinstance(value, _LeftOut) for value in values):
            http.client.HTTPConnection.putheader(self, header, *values)

    def _encode_request(self, request: str) -> bytes:
        return request.encode("latin-1")

    def send(self, data: Any) -> None:
        """Write, and note when the first byte is out: up to then nothing can have happened."""
        if self.sock is None:
            self.connect()
        rest = memoryview(data)
        while rest:
            sent = self.sock.send(rest[:RECORD_BYTES])
            self._attempt.was_sent = True
            rest = rest[sent:]


class RawTlsConnection(RawConnection, HTTPSConnection):
    """The same over TLS."""
