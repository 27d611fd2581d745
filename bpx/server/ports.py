"""Which application a request is for: told by where it came in, never by its Host.

Where is an address as the system writes it (`getsockname`), and not only a port: two hosts may
have the same one, and a path (a unix socket) has none.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

LISTENER = "bpx.listener"  # in a request's environment: the address that it came in on
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_NOT_HERE = b'{"code":-1000,"msg":"This port serves no market."}'


class Stopping(Protocol):
    """How what runs beside requests is told that the server stops."""

    def drain(self) -> None:
        """Take note that no more requests are wanted."""

    def close(self, within_s: float) -> int:
        """End everything, within that time; return how much did not end."""


class ByPort:
    """A WSGI application for each port.

    Args:
        markets: one for each of the market's addresses, in their order; a single one has them all.
        market_ports: until `listen` says where the server really listens.
        operators: the application of the operators' port, if there is one.
        stopping: told when the server stops.
    """

    def __init__(
        self,
        markets: Sequence[Application],
        market_ports: Sequence[int],
        operators: Application | None = None,
        stopping: Stopping | None = None,
    ) -> None:
        self._markets = list(markets)
        self._operators = operators
        self._stopping = stopping
        self._by_address: dict[Any, Application] = {}
        self.clients: Callable[[], int] = lambda: 0  # connections, once a server counts them
        self.heads: Callable[[], int] = lambda: 0  # of requests that it knows
        self.listen([str(port) for port in market_ports])

    @property
    def has_operators(self) -> bool:
        """Whether there is a port for operators to be opened."""
        return self._operators is not None

    def listen(self, markets: Sequence[Any]) -> None:
        """Take over the addresses that the server listens on for markets."""
        repeated = self._markets * len(markets) if len(self._markets) == 1 else self._markets
        self._by_address = dict(zip(markets, repeated, strict=False))

    def listen_for_operators(self, address: Any) -> None:
        """Take over the address that the server listens on for operators."""
        if self._operators is not None:
            self._by_address[address] = self._operators

    def drain(self) -> None:
        """Tell the applications that the server begins to stop: it is ready no more."""
        if self._stopping is not None:
            self._stopping.drain()

    def close(self, within_s: float) -> int:
        """End what runs beside requests; return how many of its tasks did not end in time."""
        return 0 if self._stopping is None else self._stopping.close(within_s)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve a request."""
        app = self._by_address.get(environ.get(LISTENER, environ["SERVER_PORT"]))
        if app is not None:
            return app(environ, start_response)
        start_response("404 Not Found", [
            ("Content-Type", "application/json;charset=UTF-8"),
            ("Content-Length", str(len(_NOT_HERE))),
            ("Data-Source", "proxy"),
        ])  # fmt: skip
        return [_NOT_HERE]
