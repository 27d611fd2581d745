"""One market as these tests see it: the exchange behind the proxy, and the proxy in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import requests

from bpx.simulator.simulator import Simulator
from bpx.simulator.wire import Asked
from tests.waiting import eventually

MINUTE_MS = 60_000

# So that a test of faults need not wait long: Binance's real times are in the defaults.
QUICKEST = {
    "BPX_WS_RECONNECT_DELAY": "20ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "100ms",
    "BPX_FRESH_ALIVE": "1s",
    "BPX_WS_PONG_TIMEOUT": "1500ms",
    "BPX_WS_HANDSHAKE_TIMEOUT": "1s",
}
# The exchange is in the test's process. Where that is held up for a moment by other tests, it is
# not to be taken for silent, and what is refused meanwhile is not to use up all attempts.
ALIVE_S, PONG_S = 4, 4
QUICK = QUICKEST | {
    "BPX_WS_MAX_RECONNECT_DELAY": "400ms",
    "BPX_FRESH_ALIVE": f"{ALIVE_S}s",
    "BPX_WS_PONG_TIMEOUT": f"{PONG_S}s",
    "BPX_WS_HANDSHAKE_TIMEOUT": "4s",
}


def upstream_of(spot: Simulator, futures: Simulator) -> dict[str, str]:
    """Return the options that point the proxy at these two."""
    return {
        "BPX_UPSTREAM_SPOT_REST": spot.rest_url,
        "BPX_UPSTREAM_SPOT_WS": spot.ws_url,
        "BPX_UPSTREAM_FUTURES_REST": futures.rest_url,
        "BPX_UPSTREAM_FUTURES_WS": futures.ws_url,
    }


@dataclass
class Place:
    """A market of the exchange, and the proxy's port for it."""

    exchange: Simulator
    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, target: str, method: str = "GET", **options: Any) -> requests.Response:
        """Ask the proxy, as a bot would."""
        return self.session.request(method, self.url + target, timeout=20, **options)

    def directly(self, target: str, method: str = "GET", **options: Any) -> requests.Response:
        """Ask the exchange itself, over the wire."""
        return self.session.request(method, self.exchange.rest_url + target, timeout=20, **options)

    def truth(self, target: str, as_of_ms: int | None = None) -> bytes:
        """Return what the exchange would answer, without its noticing."""
        return self.exchange.reply("GET", target, as_of_ms).body

    def followed(self, target: str, *streams: str) -> requests.Response:
        """Ask until the answer is from a stream, and `streams` have sent; return that answer."""
        answers: list[requests.Response] = []

        def is_from_a_stream() -> bool:
            answers.append(self.ask(target))
            assert answers[-1].status_code == 200, answers[-1].text
            return answers[-1].headers["Data-Source"] == "websocket"

        eventually(is_from_a_stream)
        while not all(map(self.exchange.last_sent, streams)):
            eventually(lambda: self.subscribed().issuperset(streams))
            self.exchange.step(1_000)
        return answers[-1]

    def asked_for(self, prefix: str) -> list[Asked]:
        """Return the requests that the exchange has seen, by the beginning of their targets."""
        return [row for row in self.exchange.requests if row.target.startswith(prefix)]

    def forwarded(self) -> list[Asked]:
        """Return the requests of bots that the exchange has seen, and none of the proxy's own."""
        return [row for row in self.exchange.requests if row.headers.get("user-agent") != "bpx"]

    def subscribed(self) -> set[str]:
        """Return all streams of all connections."""
        return {stream for one in self.exchange.connections for stream in one.streams}

    def step_past_close(self, after_ms: int) -> int:
        """Move time to `after_ms` after the end of this minute; return the minute's start.

        If that is negative, it is before the end.
        """
        now_ms = self.exchange.now_ms
        open_ms = now_ms // MINUTE_MS * MINUTE_MS
        if now_ms > open_ms + MINUTE_MS + after_ms:
            open_ms += MINUTE_MS
        self.exchange.step(open_ms + MINUTE_MS + after_ms - now_ms)
        return open_ms

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the exchange's time stand still; afterwards it is where it would have been."""
        began = monotonic()
        self.exchange.pause()
        try:
            yield
        finally:
            self.exchange.step(int((monotonic() - began) * 1000))
            self.exchange.resume()

    def mend(self) -> None:
        """End every fault."""
        self.exchange.faults.clear()
        self.exchange.resume()
