"""What browsers may do here: which pages may read answers, and by which names we are called. Pure.

See https://fetch.spec.whatwg.org/#http-cors-protocol. A page of another site is not let in unless
its origin is listed; nor is one that has made its own name ours (DNS rebinding), as it then calls
us by that name.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from bpx.access.addresses import read_address

Headers = tuple[tuple[str, str], ...]

_SHOWN = "Data-Source, Data-Age-Ms, Data-Synthetic, Retry-After, X-Proxy-Error, " \
    "X-MBX-USED-WEIGHT-1M, X-MBX-ORDER-COUNT-10S, X-MBX-ORDER-COUNT-1D"  # fmt: skip
_TAKEN = "X-MBX-APIKEY, X-BPX-API-Key, Authorization, Content-Type"
_METHODS = "GET, HEAD, POST, PUT, DELETE"
_REMEMBERED_S = "600"
_VARY = ("Vary", "Origin")


class Origins:
    """The sites whose pages may read answers. Cookies and the like are never taken.

    Args:
        listed: each as a browser writes it, `https://example.org`.
    """

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._listed = frozenset(listed)

    def __bool__(self) -> bool:
        return bool(self._listed)

    def answer_headers(self, origin: str | None) -> Headers:
        """Return what an answer says to the browser whose page is from `origin`."""
        if not self._listed:
            return ()
        if origin not in self._listed or origin is None:
            return (_VARY,)
        return (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", _SHOWN),
            _VARY,
        )

    def preflight_headers(self, origin: str | None) -> Headers:
        """Return what a browser is told before it sends what a page wants."""
        said = self.answer_headers(origin)
        if len(said) < 2:
            return said
        return (
            *said,
            ("Access-Control-Allow-Methods", _METHODS),
            ("Access-Control-Allow-Headers", _TAKEN),
            ("Access-Control-Max-Age", _REMEMBERED_S),
        )


class Hosts:
    """The names by which we may be called; addresses and `localhost` need not be listed.

    Args:
        listed: names, without a port.
        takes_all: whether any name will do.
    """

    def __init__(self, listed: Iterable[str] = (), *, takes_all: bool = False) -> None:
        self._listed = frozenset(name.lower() for name in listed)
        self._takes_all = takes_all

    def has(self, host: str | None) -> bool:
        """Whether we may be called by what a request's Host says."""
        if self._takes_all or host is None:  # without one it is no browser
            return True
        try:
            parts = urlsplit(f"//{host}")
            name = parts.hostname or ""
            _ = parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        return name in self._listed or name == "localhost" or read_address(name) is not None
