"""A recording that is played step by step, and the real proxy in front of it."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bpx.simulator.replay import Replay
from bpx.simulator.simulator import Simulator
from bpx.simulator.venue import Message, Reply, Request
from tests.proxy import Proxy, running_proxy
from tests.recorded.files import Session
from tests.waiting import eventually

ROOT = {"spot": "/api/v3", "futures": "/fapi/v1"}
SECONDS_TO_SETTLE = 30.0
WEIGHT = {"X-MBX-USED-WEIGHT-1M": "1"}
_COUNTER = "bpx_stream_messages_total{"


class Watched(Replay):
    """A replay that counts what it publishes, and has an exchangeInfo if none was recorded.

    Only streams with a listener are published, so all of it goes to the proxy. As an exchange
    does it tells the weight that is used; replies were recorded without their headers.
    """

    def __init__(self, session: Session) -> None:
        self.published = 0
        self._listing = None if session.has_listing else session.document()
        super().__init__(session.path)

    def advance(self, to_ms: int) -> list[Message]:
        messages = super().advance(to_ms)
        self.published += len(messages)
        return messages

    def reply(self, request: Request, as_of_ms: int | None = None) -> Reply:
        if self._listing is not None and request.target == f"{ROOT[self.market]}/exchangeInfo":
            return Reply(200, self._listing, WEIGHT)
        return replace(super().reply(request, as_of_ms), headers=WEIGHT)


@dataclass(frozen=True)
class Answer:
    """What the proxy said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def source(self) -> str:
        return self.headers["Data-Source"]


class Stage:
    """One market, its clock standing still between the steps."""

    def __init__(self, session: Session, sim: Simulator, venue: Watched, proxy: Proxy) -> None:
        self.sim = sim
        self.root = ROOT[session.market]
        self._venue = venue
        self._uncounted = 0  # messages that did not come from the recording
        self._client = http.client.HTTPConnection(*proxy.address, timeout=20)
        operators = proxy.operators_url.removeprefix("http://")
        self._operators = http.client.HTTPConnection(operators, timeout=20)
        self._carrier = ""

    def ask(self, target: str, **headers: str) -> Answer:
        """Ask the proxy for a target below the market's root."""
        self._client.request("GET", f"{self.root}/{target}", headers=headers)
        reply = self._client.getresponse()
        return Answer(reply.status, dict(reply.getheaders()), reply.read())

    def await_listing(self) -> None:
        """Wait until the proxy knows the symbols: it follows nothing before."""
        eventually(lambda: self.ask("exchangeInfo").source == "cache", SECONDS_TO_SETTLE)

    def await_streams(self, names: set[str]) -> None:
        """Wait until the proxy has subscribed streams. Meanwhile the exchange stands still."""
        eventually(lambda: names <= self._subscribed(), SECONDS_TO_SETTLE)

    def tell_time_by(self, symbol: str) -> None:
        """Let the ticker stream of a symbol, which no recording holds, tell the time from now on.

        A clock that is moved by hand tells it in no other way to who hears no message with a
        time, which spot's books and book tickers do not bear.
        """
        self.ask(f"ticker/24hr?symbol={symbol}")
        self._carrier = symbol
        self.await_streams({f"{symbol.lower()}@ticker"})

    def go_to(self, at_ms: int) -> None:
        """Play the recording up to an instant, and have the proxy take in all of it."""
        self.sim.step(at_ms - self.sim.now_ms)
        if self._carrier:
            self.sim.send(f"{self._carrier.lower()}@ticker", self._ticker())
            self._uncounted += 1
        self.settle()

    def settle(self) -> None:
        """Wait until the proxy has read every message that was published."""
        sent = self.sim.call(lambda: self._venue.published) + self._uncounted
        eventually(lambda: self._read() == sent, SECONDS_TO_SETTLE)

    def break_off(self, streams: set[str]) -> None:
        """Cut the stream connections; return when the proxy is back."""
        self.settle()
        connects = self.sim.connects
        self.sim.drop_connections()
        eventually(lambda: self.sim.connects > connects, SECONDS_TO_SETTLE)
        self.await_streams(streams)

    def close(self) -> None:
        self._client.close()
        self._operators.close()

    def _subscribed(self) -> set[str]:
        return {name for connection in self.sim.connections for name in connection.streams}

    def await_loss(self) -> None:
        """Wait until the proxy has noticed that its stream connections are gone."""
        eventually(lambda: self._sum_of("bpx_stream_connections{") == 0, SECONDS_TO_SETTLE)

    def _read(self) -> int:
        return self._sum_of(_COUNTER)

    def _sum_of(self, name: str) -> int:
        self._operators.request("GET", "/metrics")
        lines = self._operators.getresponse().read().decode().splitlines()
        return sum(int(float(row.split()[1])) for row in lines if row.startswith(name))

    def _ticker(self) -> bytes:
        texts = dict.fromkeys("pPwxcQbBaAohlvq", "1.0")
        numbers = dict.fromkeys("OCFLn", 1)
        ticker = {"e": "24hrTicker", "E": self.sim.now_ms, "s": self._carrier, **texts, **numbers}
        return json.dumps(ticker).encode()


@contextmanager
def staged(session: Session, **options: str) -> Iterator[Stage]:
    """Run a session that stands still at its beginning, and a proxy in front of it.

    Args:
        session: what is played.
        options: of the proxy, by variable.
    """
    venue = Watched(session)
    with Simulator(venue, paused=True) as sim:
        market = session.market.upper()
        env = {
            f"BPX_UPSTREAM_{market}_REST": sim.rest_url,
            f"BPX_UPSTREAM_{market}_WS": sim.ws_url,
            f"BPX_RATE_{market}_RPS": "10000",
            f"BPX_CANDLES_CLOSE_WAIT_{market}": "5ms",
            "BPX_FRESH_ALIVE": "60s",  # however slow the machine is, which has both of them
            "BPX_WS_RECONNECT_DELAY": "20ms",
            "BPX_RECOVERY_MAX_RETRIES": "0",  # what is not recorded does not come by asking again
            **options,
        }
        with running_proxy(session.market, env) as proxy:
            stage = Stage(session, sim, venue, proxy)
            try:
                yield stage
            finally:
                stage.close()
