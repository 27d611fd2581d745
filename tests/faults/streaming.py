"""The real proxy on a simulated exchange's streams, and somebody who watches both."""

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from threading import Event, Thread
from time import monotonic
from typing import Any

import requests

from bpx.simulator.simulator import Simulator
from tests.faults.stage import UNLIMITED
from tests.peers.place import QUICK, Place
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

WEIGHT = 10**9
HEALTH_ONLY_AT_THE_END = {"BPX_WS_HEALTH_CHECK_INTERVAL": "1h", "BPX_FRESH_EXCHANGE_INFO": "1h"}


@dataclass
class Streaming:
    """A market of the exchange, and the proxy in front of it.

    Args:
        exchange: behind the proxy.
        proxy: in front of it.
        place: both, for one bot.
    """

    exchange: Simulator
    proxy: Proxy
    place: Place

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the proxy's samples of a metric that have these labels."""
        page = requests.get(f"{self.proxy.operators_url}/metrics", timeout=20).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in page.splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(one in line for one in wanted)
        )

    def follow(self, *targets: str) -> None:
        """Ask until streams answer."""
        for target in targets:
            self.place.followed(target)

    def asked(self) -> int:
        """Return how many requests the exchange has had, but for exchangeInfo."""
        return sum("exchangeInfo" not in row.target for row in self.exchange.requests)


@dataclass
class Watch:
    """A bot that asks the same again and again, and notes what it gets."""

    url: str
    targets: tuple[str, ...]
    pause_s: float = 0.02
    answers: int = 0
    odd: list[tuple[float, str, int, str]] = field(default_factory=list)  # not from a stream
    streamed_at: dict[str, float] = field(default_factory=dict)  # when one was last asked that is
    longest_s: float = 0.0
    _over: Event = field(default_factory=Event)

    def __enter__(self) -> "Watch":
        self._thread = Thread(target=self._ask_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)

    @property
    def errors(self) -> int:
        """How many answers were none."""
        return sum(status != 200 for _, _, status, _ in self.odd)

    def _ask_on(self) -> None:
        with requests.Session() as session:
            while not self._over.wait(self.pause_s):
                for target in self.targets:
                    self._ask(session, target)

    def _ask(self, session: requests.Session, target: str) -> None:
        began = monotonic()
        reply = session.get(self.url + target, timeout=20)
        self.longest_s = max(self.longest_s, monotonic() - began)
        self.answers += 1
        source = reply.headers.get("Data-Source", "")
        if reply.status_code != 200 or source != "websocket":
            self.odd.append((began, target, reply.status_code, source))
        else:
            self.streamed_at[target] = began


@contextmanager
def streaming(
    env: Mapping[str, str] | None = None,
    *,
    market: str = "spot",
    stream_url: str | None = None,
    **exchange_options: Any,
) -> Iterator[Streaming]:
    """Run an exchange that allows any weight, and a proxy that has read its exchangeInfo.

    Args:
        env: further options.
        market: "spot" or "futures".
        stream_url: of the streams, if not the exchange's own.
        exchange_options: of the simulator.
    """
    with Simulator(market, **exchange_options) as exchange:
        exchange.venue.limits.weight_per_minute = WEIGHT  # type: ignore[attr-defined]
        with proxied(exchange, env, stream_url=stream_url) as here:
            yield here


@contextmanager
def proxied(
    exchange: Simulator, env: Mapping[str, str] | None = None, *, stream_url: str | None = None
) -> Iterator[Streaming]:
    """Run a proxy in front of an exchange that is there."""
    name = exchange.venue.market.upper()
    options = {
        f"BPX_UPSTREAM_{name}_REST": exchange.rest_url,
        f"BPX_UPSTREAM_{name}_WS": stream_url or exchange.ws_url,
    }
    env = options | UNLIMITED | QUICK | HEALTH_ONLY_AT_THE_END | dict(env or {})
    with running_proxy(exchange.venue.market, env) as proxy:
        here = Streaming(exchange, proxy, Place(exchange, proxy.url))
        root = {"SPOT": "/api/v3", "FUTURES": "/fapi/v1"}[name]
        target = f"{root}/exchangeInfo"
        eventually(lambda: here.place.ask(target).headers["Data-Source"] == "cache")
        exchange.requests.clear()
        with here.place.session:
            yield here


def end_connections(exchange: Simulator, how: str) -> None:
    """End all stream connections: by a close code, by `FIN`, by `RST`, or by `1006`."""
    if how.isdigit() and how != "1006":
        exchange.drop_connections(int(how), "bye")
    else:
        exchange.call(lambda: _cut_all(exchange, how))


def _cut_all(exchange: Simulator, how: str) -> None:
    for one in list(exchange._server.streams._open):
        transport = one._transport
        if how == "FIN" and transport.can_write_eof():
            transport.write_eof()
            continue
        if how == "RST":
            endpoint = transport.get_extra_info("socket")
            endpoint.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        one.cut()


def tell_all(exchange: Simulator, text: bytes) -> None:
    """Send a text as it is to all stream connections."""
    exchange.call(lambda: [one.send(text) for one in exchange._server.streams._open])


def rows_of(body: bytes) -> list[list[Any]]:
    """Return klines."""
    rows: list[list[Any]] = json.loads(body)
    return rows
