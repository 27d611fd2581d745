"""Both markets of the simulated exchange, and the real proxy in front of them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import time

import requests

from bpx.simulator.account import Delivery
from bpx.simulator.simulator import Simulator
from tests.canaries import MARK
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

KEY, SECRET = f"bot-key-{MARK}", f"bot-secret-{MARK}"


@dataclass(frozen=True)
class World:
    """What a client meets."""

    spot: Simulator
    futures: Simulator
    proxy: Proxy

    def exchange(self, market: str) -> Simulator:
        """Return the exchange behind the proxy's `spot` or `futures`."""
        return self.spot if market == "spot" else self.futures

    def asked(self, market: str) -> list[str]:
        """Return the targets that came to the exchange since `forget`."""
        return [asked.target for asked in self.exchange(market).requests]

    def delivered(self, market: str) -> list[Delivery]:
        """Return the signed or changing requests that came to the exchange since `forget`."""
        exchange = self.exchange(market)
        return exchange.call(lambda: list(exchange.venue.ledger))

    def is_listed(self) -> bool:
        """Whether the proxy has both markets' exchangeInfo."""
        paths = ("/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo")
        replies = [
            requests.get(f"{url}{path}") for url, path in zip(self.proxy.urls, paths, strict=True)
        ]
        return all(reply.headers["Data-Source"] == "cache" for reply in replies)

    def forget(self) -> None:
        """Begin the records of both exchanges anew."""
        for exchange in (self.spot, self.futures):
            exchange.requests.clear()
            exchange.call(exchange.venue.ledger.clear)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop both exchanges' clocks; afterwards they show this host's time again."""
        for exchange in (self.spot, self.futures):
            exchange.pause()
        try:
            yield
        finally:
            for exchange in (self.spot, self.futures):
                exchange.resume()
                exchange.step(max(0, int(time() * 1000) - exchange.now_ms))


@contextmanager
def running_world(
    start_ms: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[World]:
    """Run exchanges that begin at `start_ms` (now by default), and the proxy for both markets."""
    with ExitStack() as stack:
        spot, futures = (
            stack.enter_context(Simulator(market, start_ms=start_ms, accounts={KEY: SECRET}))
            for market in ("spot", "futures")
        )
        where = {
            "BPX_UPSTREAM_SPOT_REST": spot.rest_url,
            "BPX_UPSTREAM_SPOT_WS": spot.ws_url,
            "BPX_UPSTREAM_FUTURES_REST": futures.rest_url,
            "BPX_UPSTREAM_FUTURES_WS": futures.ws_url,
        }
        proxy = stack.enter_context(running_proxy("both", where | dict(env or {})))
        world = World(spot, futures, proxy)
        eventually(world.is_listed, 20.0)
        yield world
