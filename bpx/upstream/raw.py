"""requests, made to put a request on the wire exactly as it came, and to tell whether it did.

requests and urllib3 rewrite a target: `%41` becomes `A`, dot segments are resolved, a trailing `?`
is dropped. So they are given `/`, and the connection writes the target itself. What they log or
put into exceptions is that `/`, too, and never a signature.
"""

import http.client
import re
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from bpx.runtime import DeadlinePassed
from bpx.upstream.call import Call, Headers

RECORD_BYTES = 16_384  # the most that one TLS record carries

# All that requests, urllib3, http.client and ssl raise about a broken exchange, and our own checks.
FAULTS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError, DeadlinePassed)

_TARGET = re.compile(r"/[^\x00-\x20\x7f]*")  # what is one word in a request line, and our origin's


@dataclass(frozen=True, slots=True)
class Connecting:
    """How connections of one pool are had.

    Args:
        now: monotonic seconds.
        deadline: of the runtime, around name look-up, connect and TLS.
        connect_s: its seconds.
        idle_s: how long a connection may lie unused and still be used again.
    """

    now: Callable[[], float]
    deadline: Callable[[float], AbstractContextManager[None]]
    connect_s: float = 3.0
    idle_s: float = 60.0


@dataclass(slots=True)
class Attempt:
    """One try to deliver a call, and what became of it.

    Attributes:
        target: what goes into the request line.
        was_sent: a byte of the request was handed to the network.
        was_reused: it went over a connection that had carried another one before.
    """

    target: str
    was_sent: bool = False
    was_reused: bool = False


class _RawHeaders(CaseInsensitiveDict[str]):
    """A call's headers, which carry its attempt through requests and urllib3."""

    def __init__(self, headers: Headers, attempt: Attempt) -> None:
        super().__init__()
        for name, value in headers:
            self[name] = f"{self[name]}, {value}" if name in self else value
        self.setdefault("User-Agent", SKIP_HEADER)
        self.attempt = attempt

    def copy(self) -> "_RawHeaders":
        return self


class _HeaderLines:
    """The head of a reply, line by line. A bare CR would be read as the end of a header."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def readline(self, size: int | None = -1, /) -> bytes:
        line: bytes = self._source.readline(-1 if size is None else size)
        if b"\r" in line.removesuffix(b"\r\n") or b"\0" in line:
            raise http.client.HTTPException("illegal byte in a reply's head")
        return line

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._source.close()


class _StrictResponse(http.client.HTTPResponse):
    def begin(self) -> None:
        source = self.fp
        self.fp = _HeaderLines(source)  # type: ignore[assignment]
        super().begin()
        if self.fp is not None:
            self.fp = source


class _RawConnection(HTTPConnection):
    response_class = _StrictResponse
    connecting: Connecting
    released_at = 0.0
    _attempt: Attempt
    _is_fresh = False

    def connect(self) -> None:
        self._is_fresh = True
        with self.connecting.deadline(self.connecting.connect_s):
            super().connect()

    def request(  # type: ignore[override]
        self, method: str, url: str, *, headers: _RawHeaders, chunked: bool = False, **rest: Any
    ) -> None:
        self._attempt = headers.attempt
        self._attempt.was_reused = self.sock is not None and not self._is_fresh
        super().request(method, url, headers=headers, **rest)
        self._is_fresh = False

    def putrequest(self, method: str, url: str, *args: Any, **rest: Any) -> None:
        super().putrequest(method, self._attempt.target, skip_accept_encoding=True)

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


class _RawTlsConnection(_RawConnection, HTTPSConnection):
    pass


class _RawPool(HTTPConnectionPool):
    ConnectionCls = _RawConnection  # type: ignore[assignment]

    def __init__(self, connecting: Connecting, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._connecting = connecting

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.connecting = self._connecting
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if self._connecting.now() - connection.released_at > self._connecting.idle_s:
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.released_at = self._connecting.now()
        super()._put_conn(conn)


class _RawTlsPool(_RawPool, HTTPSConnectionPool):
    ConnectionCls = _RawTlsConnection  # type: ignore[assignment]


class _RawAdapter(HTTPAdapter):
    def __init__(
        self, connections: int, connecting: Connecting, tls: ssl.SSLContext | None
    ) -> None:
        self._connecting = connecting
        self._tls = tls
        super().__init__(1, connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **rest: Any) -> None:
        super().init_poolmanager(*args, **rest, ssl_context=self._tls)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_RawPool, self._connecting),
            "https": partial(_RawTlsPool, self._connecting),
        }

    def get_connection_with_tls_context(self, request: Any, *args: Any, **rest: Any) -> Any:
        return self.poolmanager.connection_from_url(request.url)

    def cert_verify(self, *args: Any, **rest: Any) -> None:
        """Leave it to the context."""

    def close(self) -> None:
        for key in self.poolmanager.pools.keys():  # noqa: SIM118 - it cannot be iterated
            self.poolmanager.pools[key].close()  # urllib3 leaves that to the garbage collector
        super().close()


def tls_for(origin: str, ca_file: str | None = None) -> ssl.SSLContext | None:
    """Return what sessions to an https origin share: reading the authorities takes its time.

    Args:
        origin: with its scheme; plain http needs nothing.
        ca_file: authorities to trust instead of certifi's.
    """
    if not origin.startswith("https:"):
        return None
    return ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)


class RawSession(requests.Session):
    """A session to one origin that sends calls untouched, once, and follows nothing.

    Args:
        origin: scheme, host and port, no path.
        connections: the most that are kept for the next call; the caller bounds those in use.
        connecting: how they are had.
        tls: see `tls_for`; without it no https origin is trusted.
    """

    def __init__(
        self,
        origin: str,
        connections: int,
        connecting: Connecting,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        self.mount(origin, _RawAdapter(connections, connecting, tls))
        self._url = f"{origin}/"

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Know of no redirects: requests would read ahead to the next one even if forbidden."""
        return None

    def deliver(
        self, call: Call, attempt: Attempt, timeout: tuple[float, float]
    ) -> requests.Response:
        """Send a call once and return its reply, the body unread.

        Args:
            call: what to send.
            attempt: is told what became of it, also when this raises whatever it may.
            timeout: seconds to connect, and between bytes.
        """
        if not _TARGET.fullmatch(call.target):
            raise ValueError("target does not fit into a request line")
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = self._url
        request.headers = _RawHeaders(call.headers, attempt)
        request.body = call.body or None
        request.hooks = {"response": []}
        return self.send(request, stream=True, timeout=timeout, allow_redirects=False)


def header_pairs(response: requests.Response) -> list[tuple[str, str]]:
    """Return all headers of a reply, repeated ones one by one."""
    headers: Mapping[str, str] = response.raw.headers
    return list(headers.items())
