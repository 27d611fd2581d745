"""Which application a request is for: told by the port it came in on, never by its Host."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

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
        markets: one for each of the market's ports, in their order; a single one has them all.
        market_ports: until `listen` says on which ports the server really listens.
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
        self._by_port: dict[str, Application] = {}
        self.listen(market_ports)

    @property
    def has_operators(self) -> bool:
        """Whether there is a port for operators to be opened."""
        return self._operators is not None

    def listen(self, market_ports: Sequence[int], operators_port: int | None = None) -> None:
        """Take over the ports that the server listens on."""
        repeated = self._markets * len(market_ports) if len(self._markets) == 1 else self._markets
        self._by_port = {str(port): app for port, app in zip(market_ports, repeated, strict=False)}
        if self._operators is not None and operators_port is not None:
            self._by_port[str(operators_port)] = self._operators

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
        app = self._by_port.get(environ["SERVER_PORT"])
        if app is not None:
            return app(environ, start_response)
        start_response("404 Not Found", [
            ("Content-Type", "application/json;charset=UTF-8"),
            ("Content-Length", str(len(_NOT_HERE))),
            ("Data-Source", "proxy"),
        ])  # fmt: skip
        return [_NOT_HERE]
