"""Who may see which of the operators' pages, and who may change something.

What a load balancer or a Prometheus asks for is for everybody who reaches the port. The rest tells
of clients and options: it is for the machine itself, for the networks that are named, and for keys
with the operators' scope. Where there are keys, only such a one changes anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from bpx.access.addresses import LOOPBACK, Network, Proxies, is_in, name_of
from bpx.access.admission import GUESSES, shown_key
from bpx.access.keys import Key, Keyring, Scope
from bpx.access.pace import Pace
from bpx.access.sites import Hosts
from bpx.errors import Denied, NoKey, RequestFailed, TooManyGuesses
from bpx.exchange.failure import error_body
from bpx.logs.audit import audit

FOR_ALL = frozenset({"/metrics", "/live", "/ready", "/health"})
SAFE = ("GET", "HEAD", "OPTIONS")
_CLIENT = "bpx.client"


@dataclass(frozen=True, slots=True)
class Doors:
    """Who is let in without a key.

    Args:
        networks: that may see all pages, besides the machine itself.
        proxies: of ours, that operators come through.
        hosts: names by which we may be called.
    """

    networks: tuple[Network, ...] = ()
    proxies: Proxies = field(default_factory=Proxies)
    hosts: Hosts = field(default_factory=Hosts)


class Access:
    """Refuses whoever may not see a page.

    Args:
        doors: who is let in without a key.
        now: returns monotonic seconds.
    """

    def __init__(self, doors: Doors, now: Callable[[], float]) -> None:
        self._networks = (*LOOPBACK, *doors.networks)
        self._proxies = doors.proxies
        self._hosts = doors.hosts
        self._now = now
        self._keys = Keyring()
        self._guesses = Pace(GUESSES / 60, GUESSES)
        self._noted = Pace(GUESSES / 60, GUESSES)

    def use(self, keys: Keyring) -> None:
        """Take these keys from now on."""
        self._keys = keys

    def over(self, app: Flask) -> None:
        """Guard all pages of an application."""
        app.before_request(self.check)
        app.after_request(self.note)
        app.register_error_handler(RequestFailed, self.refuse)

    def check(self) -> None:
        """Look at the request that is under way.

        Raises:
            NoKey, TooManyGuesses: it shows a key that we do not know.
            Denied: its client may not see the page, or not change anything.
            UnsupportedMediaType: it changes something and is not JSON. A form of another site,
                which the browser of an operator sends, cannot be.
        """
        changes = request.method not in SAFE
        if request.path in FOR_ALL and not changes:
            return
        key = self._key()
        request.environ[_CLIENT] = None if key is None else key.name
        if key is None:
            self._check_place()
            if changes and len(self._keys):
                raise Denied("scope")
        elif Scope.OPERATORS not in key.scopes:
            raise Denied("scope")
        if changes and request.routing_exception is None and not request.is_json:
            raise UnsupportedMediaType

    def note(self, response: Response) -> Response:
        """Write down who has changed something, or tried to."""
        if request.method not in SAFE:
            audit("operator", **self._who(), status=response.status_code)
        elif response.status_code in (401, 403, 429) and not self._noted.take("", self._now()):
            audit("refused", **self._who(), status=response.status_code)
        return response

    def refuse(self, error: RequestFailed) -> Response:
        """Answer whoever is refused."""
        body = error_body(error.code, str(error))
        response = Response(body, error.status, content_type="application/json")
        response.headers["X-Proxy-Error"] = error.proxy_error or ""
        if error.retry_after is not None:
            response.headers["Retry-After"] = error.retry_after
        return response

    def _check_place(self) -> None:
        address = self._proxies.client(
            request.remote_addr or "", request.headers.get("X-Forwarded-For")
        )
        if address is None or not is_in(address, self._networks):
            raise Denied("address")
        if not self._hosts.has(request.headers.get("Host")):
            raise Denied("host")

    def _key(self) -> Key | None:
        shown = shown_key(
            request.headers.get("X-BPX-API-Key"), request.headers.get("Authorization")
        )
        if shown is None or not len(self._keys):
            return None
        key = self._keys.find(shown)
        if key is None:
            address = self._proxies.client(request.remote_addr or "", None)
            wait_s = self._guesses.take("" if address is None else name_of(address), self._now())
            raise TooManyGuesses(wait_s) if wait_s else NoKey
        return key

    def _who(self) -> dict[str, str | None]:
        return {
            "client": request.environ.get(_CLIENT),
            "peer": request.remote_addr or "unix socket",
            "method": request.method,
            "path": request.path,
        }
