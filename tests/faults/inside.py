"""A simulated market and the application in front of it, in this process: no server, no gevent."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from flask import Flask

from bpx.simulator.simulator import Simulator
from tests.application import application
from tests.peers.place import QUICK
from tests.waiting import eventually

ROOT = {"spot": "/api/v3", "futures": "/fapi/v1"}
UNLIMITED = {"BPX_RATE_SPOT_RPS": "10000", "BPX_RATE_FUTURES_RPS": "10000"}
WEIGHT = 10**9


@dataclass(frozen=True)
class Seen:
    """An answer, and how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float

    @property
    def source(self) -> str:
        return self.headers["Data-Source"]

    @property
    def age_ms(self) -> int:
        return int(self.headers["Data-Age-Ms"])

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Inside:
    """A market of the exchange, and the application that asks it."""

    exchange: Simulator
    app: Flask

    @property
    def root(self) -> str:
        return ROOT[self.exchange.venue.market]

    def path(self, endpoint: str) -> str:
        """Return the target of an endpoint, without its market's prefix: `depth?symbol=...`."""
        return f"{self.root}/{endpoint}"

    def ask(self, endpoint: str, method: str = "GET", **headers: str) -> Seen:
        """Ask the application; underscores in names of headers stand for dashes."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        began = monotonic()
        reply = self.app.test_client().open(self.path(endpoint), method=method, headers=sent)
        return Seen(reply.status_code, dict(reply.headers), reply.data, monotonic() - began)

    def truth(self, endpoint: str, as_of_ms: int | None = None) -> bytes:
        """Return what the exchange would say."""
        return self.exchange.reply("GET", self.path(endpoint), as_of_ms).body

    def follow(self, *endpoints: str) -> None:
        """Ask until all of these are answered from streams."""
        for endpoint in endpoints:
            eventually(lambda asked=endpoint: self.ask(asked).source == "websocket")

    def subscribed(self) -> set[str]:
        """Return all streams of all connections."""
        return {stream for one in self.exchange.connections for stream in one.streams}

    def subscribes(self, stream: str) -> list[str]:
        """Return the SUBSCRIBE messages that named a stream."""
        texts = (json.loads(text) for text in self.exchange.control_messages)
        return [
            one["method"]
            for one in texts
            if one["method"] == "SUBSCRIBE" and stream in one["params"]
        ]

    def asked(self, endpoint: str) -> int:
        """Return how often the exchange was asked for what begins so."""
        prefix = self.path(endpoint)
        return sum(row.target.startswith(prefix) for row in self.exchange.requests)


@contextmanager
def inside(
    market: str, *, paused: bool = False, start_ms: int | None = None, **options: str
) -> Iterator[Inside]:
    """Run an exchange that allows any weight, and an application that has read its exchangeInfo.

    Args:
        market: "spot" or "futures".
        paused: begin with the exchange's clock stopped.
        start_ms: exchange time to begin with; now by default.
        options: variables, by name.
    """
    accounts = {"key": "secret"}
    with Simulator(market, paused=paused, start_ms=start_ms, accounts=accounts) as exchange:
        exchange.venue.limits.weight_per_minute = WEIGHT  # type: ignore[attr-defined]
        with application(exchange, **(QUICK | UNLIMITED | options)) as app:
            here = Inside(exchange, app)
            eventually(lambda: here.ask("exchangeInfo").source == "cache")
            try:
                yield here
            finally:
                exchange.faults.clear()  # what is stalled does not end
