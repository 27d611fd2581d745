"""The real proxy in front of a simulated exchange whose clock stands still."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl

from bpx.simulator.hub import Sent
from bpx.simulator.simulator import Simulator
from bpx.simulator.venue import Reply, Request
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

ROOT = {"spot": "/api/v3", "futures": "/fapi/v1"}
KLINES, DEPTH, TICKER, EXCHANGE_INFO = "klines", "depth", "ticker/24hr", "exchangeInfo"
ENDPOINTS = (KLINES, DEPTH, TICKER, EXCHANGE_INFO)
# Nothing is asked of these but whether everything that was sent has been taken in.
FENCE = {"spot": "LTCBTC", "futures": "AKROUSDT"}
ABOVE_ALL = 10**15  # an id or a time that no message of the exchange reaches
NO_LIMIT = 10**9
SECONDS_TO_SETTLE = 30.0


@dataclass(frozen=True)
class Answer:
    """What the proxy said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def source(self) -> str:
        return self.headers["Data-Source"]

    @property
    def is_ours(self) -> bool:
        """Whether no request to the exchange was needed."""
        return self.source in ("websocket", "cache")


@dataclass
class Scene:
    """One market: a paused exchange, and the proxy that follows it."""

    market: str
    sim: Simulator
    proxy: Proxy
    began_at: float  # in monotonic seconds, before the proxy knew anything
    loads: dict[str, list[int]] = field(default_factory=dict)
    _fences: int = 0
    _requests: int = 0  # of the exchange's journal that are in `loads`

    def __post_init__(self) -> None:
        self._client = http.client.HTTPConnection(*self.proxy.address, timeout=20)
        # Nothing is followed before the list of symbols is there.
        info = self.path(EXCHANGE_INFO)
        eventually(lambda: self.fetch("GET", info).source == "cache", SECONDS_TO_SETTLE)
        self.fetch("GET", self._fence(TICKER))
        self.fetch("GET", self._fence(DEPTH))
        self.await_streams({name for name, _ in self._fence_messages()})

    def path(self, endpoint: str) -> str:
        return f"{ROOT[self.market]}/{endpoint}"

    def fetch(self, method: str, target: str, **headers: str) -> Answer:
        """Ask the proxy."""
        self._client.request(method, target, headers=headers)
        return _answer(self._client)

    @contextmanager
    def asking(self, method: str, target: str) -> Iterator[Callable[[], Answer]]:
        """Ask the proxy on another connection; the call that this gives waits for the answer."""
        client = http.client.HTTPConnection(*self.proxy.address, timeout=20)
        client.request(method, target)
        try:
            yield lambda: _answer(client)
        finally:
            client.close()

    def truth(self, target: str, as_of_ms: int | None = None) -> bytes:
        """Return the exchange's own body, as of an instant."""
        return self.sim.reply("GET", target, as_of_ms).body

    def reply(self, method: str, target: str, **headers: str) -> Reply:
        """Return what the exchange itself says to any request, now."""
        asked = Request(method, target, {name.lower(): text for name, text in headers.items()})
        return self.sim.call(lambda: self.sim.venue.reply(asked, self.sim.venue.now_ms))

    def last_sent(self, stream: str) -> Sent | None:
        return self.sim.last_sent(stream)

    def streams(self) -> set[str]:
        """Return what the proxy is subscribed to."""
        return {name for connection in self.sim.connections for name in connection.streams}

    def await_streams(self, names: set[str]) -> None:
        eventually(lambda: names <= self.streams(), SECONDS_TO_SETTLE)

    def step(self, ms: int) -> None:
        """Move the exchange's clock on, and wait until the proxy has taken in what it sent."""
        self.sim.step(ms)
        self.settle()

    def settle(self) -> None:
        """Wait until the proxy has taken in everything that was sent.

        Messages of one connection are taken in their order, so a last one on each connection,
        about a symbol that nothing else is asked of, tells that all before it are in. It bears
        the exchange's time, too: a clock that is moved by hand tells it in no other way.
        """
        self._fences += 1
        for stream, message in self._fence_messages():
            self.sim.send(stream, json.dumps(message).encode())
        eventually(self._is_settled, SECONDS_TO_SETTLE)
        self.note_loads()

    def note_loads(self) -> None:
        """Take note of what the proxy has asked the exchange for on its own account."""
        fresh = self.sim.requests[self._requests :]
        self._requests += len(fresh)
        for row in fresh:
            if row.headers.get("user-agent") == "bpx" and row.status == 200:
                self.loads.setdefault(key_of(row.target), []).append(row.at_ms)

    def metric(self, name: str) -> float:
        """Return the sum of a metric's samples."""
        address = self.proxy.operators_url.removeprefix("http://")
        client = http.client.HTTPConnection(address, timeout=20)
        client.request("GET", "/metrics")
        lines = client.getresponse().read().decode().splitlines()
        client.close()
        rows = (
            line.rpartition(" ") for line in lines if line.startswith((f"{name}{{", f"{name} "))
        )
        return sum(float(value) for _, _, value in rows)

    def close(self) -> None:
        self._client.close()

    def _fence(self, endpoint: str) -> str:
        limit = "&limit=20" if endpoint == DEPTH else ""
        return f"{self.path(endpoint)}?symbol={FENCE[self.market]}{limit}"

    def _fence_messages(self) -> Iterator[tuple[str, dict[str, Any]]]:
        name, mark = FENCE[self.market], ABOVE_ALL + self._fences
        texts = dict.fromkeys("pPwxcQbBaAohlvq", "1.0")
        numbers = {"O": 0, "C": mark, "F": 0, "L": mark, "n": mark}
        event = {"E": self.sim.now_ms, "s": name}
        yield f"{name.lower()}@ticker", {"e": "24hrTicker", **event, **texts, **numbers}
        if self.market == "futures":  # whose depth comes on a connection of its own
            ids = {"T": self.sim.now_ms, "U": mark, "u": mark, "pu": mark}
            depth = {"e": "depthUpdate", **event, **ids, "b": [], "a": []}
            yield f"{name.lower()}@depth20@100ms", depth

    def _is_settled(self) -> bool:
        mark = ABOVE_ALL + self._fences
        if json.loads(self.fetch("GET", self._fence(TICKER)).body)["count"] != mark:
            return False
        if self.market == "spot":
            return True
        return bool(json.loads(self.fetch("GET", self._fence(DEPTH)).body)["lastUpdateId"] == mark)


def _answer(client: http.client.HTTPConnection) -> Answer:
    reply = client.getresponse()
    return Answer(reply.status, dict(reply.getheaders()), reply.read())


def key_of(target: str) -> str:
    """Return what one feed follows of a target: its path, symbol and interval."""
    path, _, query = target.partition("?")
    params = dict(parse_qsl(query))
    return " ".join([path, *(params[name] for name in ("symbol", "interval") if name in params)])


@contextmanager
def scene(market: str, start_ms: int, **options: str) -> Iterator[Scene]:
    """Run an exchange that stands still at `start_ms`, and a proxy in front of it.

    Args:
        market: "spot" or "futures".
        start_ms: exchange time.
        options: of the proxy, by variable.
    """
    with Simulator(market, start_ms=start_ms, paused=True) as sim:
        sim.venue.limits.weight_per_minute = NO_LIMIT  # type: ignore[attr-defined]
        env = {
            f"BPX_UPSTREAM_{market.upper()}_REST": sim.rest_url,
            f"BPX_UPSTREAM_{market.upper()}_WS": sim.ws_url,
            "BPX_RATE_SPOT_RPS": "10000",
            "BPX_RATE_FUTURES_RPS": "10000",
            "BPX_CANDLES_CLOSE_WAIT_SPOT": "5ms",
            "BPX_CANDLES_CLOSE_WAIT_FUTURES": "5ms",
            "BPX_FRESH_EXCHANGE_INFO": "1s",
            "BPX_FRESH_ALIVE": "60s",  # however slow the machine is, which has both of them
            **options,
        }
        began_at = monotonic()
        with running_proxy(market, env) as proxy:
            made = Scene(market, sim, proxy, began_at)
            try:
                yield made
            finally:
                made.close()


def elapsed_ms(since: float) -> float:
    """Return the real milliseconds since a reading of the monotonic clock."""
    return (monotonic() - since) * 1000
