"""requests, made to put a request on the wire exactly as it came, and to tell whether it did.

requests and urllib3 rewrite a target: `%41` becomes `A`, dot segments are resolved, a trailing `?`
is dropped. So they are given `/`, and the connection writes the target itself. What they log or
put into exceptions is that `/`, too, and never a signature.
"""

import re
import ssl
from functools import partial
from http.client import HTTPException
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from bpx.runtime import DeadlinePassed
from bpx.upstream.call import Call
from bpx.upstream.connection import Attempt, Connecting, RawHeaders
from bpx.upstream.pools import RawPool, RawTlsPool

# All that requests, urllib3, http.client and ssl raise about a broken exchange, and our own checks.
FAULTS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError, DeadlinePassed)

_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
_CAUSES = 50  # of a fault, that are looked at

_TARGET = re.compile(r"/[^\x00-\x20\x7f]*")  # what is one word in a request line, and our origin's


class BadTarget(ValueError):
    """A call's target does not fit into a request line."""


class _RawAdapter(HTTPAdapter):
    """requests' adapter for one origin.

    What it finds out anew about each URL and each reply is known here, or asked for by nobody.
    """

    def __init__(
        self, url: str, connections: int, connecting: Connecting, tls: ssl.SSLContext | None
    ) -> None:
        self._connecting = connecting
        self._tls = tls
        super().__init__(1, connections, max_retries=0)
        self.pool: RawPool = self.poolmanager.connection_from_url(url)

    def init_poolmanager(self, *args: Any, **rest: Any) -> None:
        super().init_poolmanager(*args, **rest, ssl_context=self._tls)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(RawPool, self._connecting),
            "https": partial(RawTlsPool, self._connecting),
        }

    def get_connection_with_tls_context(self, request: Any, *args: Any, **rest: Any) -> Any:
        return self.pool

    def request_url(self, *args: Any, **rest: Any) -> str:
        return "/"  # the connection knows better

    def cert_verify(self, *args: Any, **rest: Any) -> None:
        """Leave it to the context."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> Any:
        """Return urllib3's reply: requests' own would keep cookies, and guess at its text."""
        return resp

    def close(self) -> None:
        self.pool.close()  # urllib3 leaves that to the garbage collector
        super().close()


def innermost(error: BaseException) -> BaseException:
    """Return what a fault comes from: requests and urllib3 wrap it in many words."""
    for _ in range(_CAUSES):
        inner = [getattr(error, "reason", None), *error.args, error.__cause__]
        found = next((fault for fault in inner if isinstance(fault, BaseException)), None)
        if found is None:
            break
        error = found
    return error


def is_untrusted(error: BaseException) -> bool:
    """Tell whether a fault is that TLS found the other end wanting; a break is none."""
    seen: list[object] = [error]
    for fault in seen:
        if isinstance(fault, ssl.SSLError) and not isinstance(fault, _BROKEN_OFF):
            return True
        if isinstance(fault, BaseException) and len(seen) < _CAUSES:
            seen += [fault.__cause__, fault.__context__, getattr(fault, "reason", None)]
            seen += fault.args
    return False


def tls_for(origin: str, ca_file: str | None = None) -> ssl.SSLContext | None:
    """Return what sessions to an https origin share: reading the authorities takes its time.

    Args:
        origin: with its scheme; plain http needs nothing.
        ca_file: authorities to trust besides certifi's.
    """
    if not origin.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


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
        self.adapters.clear()
        self._url = f"{origin}/"
        self._adapter = _RawAdapter(self._url, connections, connecting, tls)
        self.mount(origin, self._adapter)

    @property
    def kept(self) -> int:
        """How many open connections wait for the next call."""
        return self._adapter.pool.kept

    def close_unused(self) -> None:
        """Close the connections that wait for the next call."""
        self._adapter.pool.close_unused()

    def deliver(
        self, call: Call, attempt: Attempt, timeout: tuple[float, float]
    ) -> BaseHTTPResponse:
        """Send a call once and return its reply, the body unread.

        Args:
            call: what to send.
            attempt: is told what became of it, also when this raises whatever it may.
            timeout: seconds to connect, and between bytes.
        """
        if not _TARGET.fullmatch(call.target):
            raise BadTarget("target does not fit into a request line")
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = self._url
        request.headers = RawHeaders(call.headers, attempt)
        request.body = call.body or None
        # Not by `send`: that follows, keeps cookies and looks for proxies, all of it in vain.
        response: Any = self._adapter.send(request, stream=True, timeout=timeout)
        return cast("BaseHTTPResponse", response)


def header_pairs(response: BaseHTTPResponse) -> list[tuple[str, str]]:
    """Return all headers of a reply, repeated ones one by one."""
    return list(response.headers.iteritems())
