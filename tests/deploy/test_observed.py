"""Scraped by a real Prometheus, every panel shows something, and faults make alerts fire."""

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
import requests

from bpx.simulator.faults import Ending, Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.deploy.alerts import rules
from tests.deploy.dashboard import asked, queries
from tests.deploy.observed import Prometheus, prometheus
from tests.faults.life import DEPTH, TICKER, Life, options_for
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(PROMETHEUS is None, reason="there is no prometheus (Debian has it)"),
]

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
USUAL = (KLINES, DEPTH, TICKER, "/api/v3/ticker/price", "/api/v3/time", "/api/v3/exchangeInfo")
DEAR = "/api/v3/depth?symbol=BTCUSDT&limit=5000"  # costs 250 of 6000
WITHDRAWAL = "/sapi/v1/capital/withdraw/apply?coin=BTC"
SLOW_DOWN = b'{"code":-1003,"msg":"Too many requests."}'
OPTIONS = {
    "BPX_WS_PING_INTERVAL": "1s",
    "BPX_WS_HEALTH_CHECK_INTERVAL": "1s",
    "BPX_WS_RECONNECT_DELAY": "50ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "200ms",
    "BPX_WS_MAX_RECONNECTS": "2",
    "BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true",
    "BPX_FRESH_ALIVE": "1s",
    "BPX_LOG_LEVEL": "debug",
    "BPX_LOG_ENABLE_RATE_LIMIT": "true",
    "BPX_LOG_RATE_LIMIT": "1",
    "BPX_LOG_BURST_LIMIT": "1",
}
CROWDED = {"BPX_MEM_MAX_MEMORY_MB": "32", "BPX_LOG_OUTPUT": "/dev/full", "BPX_LOG_LEVEL": "debug"}
# What would take minutes or hundreds of megabytes: tests/deploy/test_alerts.py has promtool say it.
ONLY_BY_PROMTOOL = {
    "HighMemoryUsage",
    "ErrorsInLog",
    "SlowCachedAnswers",
    "StaleData",
    "ListingOld",
}


@dataclass
class Scene:
    """What has been seen.

    Args:
        life: a proxy and its exchange.
        told: what Prometheus knows of it.
        bots: asks on connections that are kept.
        fired: the alerts that have fired.
        shown: what each query of the dashboard has found.
    """

    life: Life
    told: Prometheus
    bots: requests.Session
    fired: set[str] = field(default_factory=set)
    shown: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, target: str, times: int = 1, method: str = "GET") -> None:
        """Ask that often, whatever the answer."""
        for number in range(times):
            self.bots.request(method, f"{self.life.proxy.url}{target}{'&' * number}", timeout=20)

    def ask_usual(self) -> None:
        """Ask what bots ask."""
        for target in USUAL:
            self.ask(target)

    def until_firing(self, *alerts: str) -> None:
        """Wait until these alerts have fired."""
        self.told.until_firing(*alerts)
        self.fired |= set(alerts)

    def fail(self, fault: RestFault, times: int | None = None) -> None:
        """Let REST fail so."""
        self.life.exchange.faults.break_rest(fault, times)

    def mend(self) -> None:
        """Mend all, and wait until it shows."""
        self.life.exchange.faults.clear()
        self.told.until(self.life.answers)

    def is_shown(self) -> bool:
        """Whether by now every query of the dashboard has found something."""
        for _, query in queries():
            if not self.shown.get(query):
                self.shown[query] = self.told.values(asked(query, "5m"))
        return all(self.shown.values())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything that can happen in a minute has happened, and Prometheus has looked on."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Simulator("spot"))
        usual = options_for(exchange)
        threads = stack.enter_context(ThreadPoolExecutor(1))
        proxy = stack.enter_context(running_proxy("spot", usual | OPTIONS))
        crowded = stack.enter_context(ExitStack())
        full = crowded.enter_context(running_proxy("spot", usual | CROWDED))
        targets = [one.operators_url.removeprefix("http://") for one in (proxy, full)]
        folder = tmp_path_factory.mktemp("prometheus")
        told = stack.enter_context(prometheus(PROMETHEUS or "", targets, folder))
        bots = stack.enter_context(requests.Session())
        made = Scene(Life(exchange, proxy, threads), told, bots)
        told.load = made.ask_usual
        _live(made, full)
        crowded.close()
        made.until_firing("ProxyDown")
        yield made


def _live(made: Scene, full: Proxy) -> None:
    usual(made)
    without_room(made, full)
    refusals(made)
    a_hold(made)
    a_breaker(made)
    lost_streams(made)
    a_firewall(made)
    no_streams(made)
    made.told.until(made.is_shown)
    dear(made)
    restarts(made)


def usual(made: Scene) -> None:
    made.life.follow(KLINES, DEPTH, TICKER)
    made.told.until(lambda: made.told.values("sum(up)") == [2.0])
    made.ask("/api/v3/klines?symbol=BTCUSDT")  # an error of Binance
    made.told.until(lambda: bool(made.told.values("bpx_replies_total > 10")))
    assert made.told.firing() <= {"LogLinesLost"}


def without_room(made: Scene, full: Proxy) -> None:
    def is_refused() -> bool:
        made.bots.get(f"{full.url}{KLINES}", timeout=20)
        return "bpx_feeds_refused_total" in full.page("/metrics")

    eventually(is_refused, within_s=20)
    made.until_firing("LogLinesLost", "NoRoomInMemory")


def refusals(made: Scene) -> None:
    made.ask(WITHDRAWAL, 1, "POST")
    made.told.until(lambda: bool(made.told.values("bpx_refused_total")))
    made.ask(WITHDRAWAL, 400, "POST")  # a rate of 5 minutes, after some seconds
    made.until_firing("ManyRefused", "HighErrorRate")


def a_hold(made: Scene) -> None:
    fault = RestFault("/api/v3/trades", status=429, body=SLOW_DOWN, headers={"Retry-After": "5"})
    made.fail(fault, times=1)
    made.ask("/api/v3/trades?symbol=BTCUSDT")
    made.until_firing("HeldByBinance")
    made.mend()


def a_breaker(made: Scene) -> None:
    made.fail(RestFault("/api/v3/aggTrades", ending=Ending.HALF))
    made.told.load = lambda: made.ask("/api/v3/aggTrades?symbol=BTCUSDT", 12)
    made.until_firing("BreakerOpen")
    made.told.load = made.ask_usual
    made.mend()


def lost_streams(made: Scene) -> None:
    def is_connected() -> bool:
        return bool(made.told.values("websocket_connections_active > 0"))

    def is_lost() -> bool:
        made.life.exchange.drop_connections()
        return "StreamsUnstable" in made.told.firing()

    made.told.until(is_lost)
    made.until_firing("StreamsUnstable")
    made.told.until(is_connected)


def a_firewall(made: Scene) -> None:
    html = {"Content-Type": "text/html"}
    made.fail(RestFault("/api/v3/trades", status=403, body=b"<html>403</html>", headers=html))
    made.ask("/api/v3/trades?symbol=BTCUSDT&limit=3")
    made.until_firing("BlockedByFirewall")


def no_streams(made: Scene) -> None:
    made.life.exchange.faults.refuse_handshakes(Refusal(503))
    made.life.exchange.drop_connections()
    made.until_firing("StreamsDown", "FeedsNotFresh", "MarketNotReady")
    made.mend()


def dear(made: Scene) -> None:
    made.ask(DEAR)
    made.told.load = lambda: made.ask(DEAR, 8)
    made.until_firing("WeightNearLimit", "BudgetSpent")
    made.told.load = lambda: None


def restarts(made: Scene) -> None:
    started = f'process_start_time_seconds{{instance="{made.life.proxy.operators_url[7:]}"}}'
    for _ in range(3):
        (before,) = made.told.values(started)
        os.kill(made.life.worker(), signal.SIGKILL)
        made.told.until(lambda before=before: made.told.values(started) not in ([], [before]))
    made.until_firing("ProxyRestarts")


@pytest.mark.parametrize(("title", "query"), queries())
def test_every_query_of_the_dashboard_finds_something(scene: Scene, title: str, query: str) -> None:
    assert scene.shown[query], title


@pytest.mark.parametrize("alert", [name for name in rules() if name not in ONLY_BY_PROMTOOL])
def test_a_fault_makes_the_alert_fire(scene: Scene, alert: str) -> None:
    assert alert in scene.fired
