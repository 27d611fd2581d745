"""Every family of metrics moves when what it tells of happens, as real servers tell it."""

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic

import pytest
import requests
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from bpx import metrics
from bpx.metrics import FAST_S, Counted, Reading, Spread, Tallied
from bpx.simulator.faults import Ending, Misanswer, Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.faults.life import DEPTH, TICKER, UNLIMITED, Life
from tests.metrics_page import PAGE, text
from tests.proxy import running_proxy
from tests.waiting import eventually

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
SECONDS = "/api/v3/klines?symbol=LTCUSDT&interval=1s&limit=5"  # which has no trades for a while
PRICES = "/api/v3/ticker/price"
TRADES = "/api/v3/trades?symbol=BTCUSDT"
SLOW_DOWN = b'{"code":-1003,"msg":"Too many requests."}'
PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.timeout(180)  # what has to happen takes half a minute
CONSTANT = {"bpx_info"}  # its labels tell something, its value never does
BY_OPTIONS = {"bpx_bucket_capacity", "bpx_upstream_connections_limit"}  # other ones move them
OF_THE_ORIGINAL = (  # its "Key Metrics to Monitor" and its alerts
    "process_resident_memory_bytes",
    "http_requests_total",
    "http_request_errors_total",
    "websocket_connections_active",
    "websocket_messages",
    "websocket_errors",
    "websocket_ping_latency_microseconds",
    "websocket_circuit_breaker_trips",
    "recovery_attempts_total",
)
OWN = 50  # families at least
# The process's own, and those of the library that counts Flask's requests.
OF_LIBRARIES = ("python_", "process_", "flask_")

OPTIONS = UNLIMITED | {
    "BPX_WS_PING_INTERVAL": "1s",
    "BPX_WS_HEALTH_CHECK_INTERVAL": "1s",
    "BPX_WS_RECONNECT_DELAY": "50ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "200ms",
    "BPX_WS_MAX_RECONNECTS": "2",
    "BPX_WS_MESSAGE_QUEUE_SIZE": "16",
    "BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true",
    "BPX_RECOVERY_BASE_DELAY": "20ms",
    "BPX_FRESH_EXCHANGE_INFO": "1s",
    "BPX_LOG_LEVEL": "debug",
    "BPX_LOG_ENABLE_RATE_LIMIT": "true",
    "BPX_LOG_RATE_LIMIT": "1",
    "BPX_LOG_BURST_LIMIT": "1",
    "BPX_SERVER_SHUTDOWN_TIMEOUT": "10s",
}

Sample = tuple[str, tuple[tuple[str, str], ...]]


class Scrapes:
    """What has been seen of a server's metrics."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.last = self._scraped()
        self.moved: set[str] = set()
        self.seen = set(self.last)

    def look(self) -> None:
        """Scrape, and take note of what has moved."""
        now = self._scraped()
        self.moved |= {name for name, samples in now.items() if samples != self.last.get(name)}
        self.seen |= set(now)
        self.last = now

    def until_moved(self, *names: str, again: Callable[[], object] = lambda: None) -> None:
        """Scrape until these have moved.

        Args:
            names: of the families.
            again: has happen what moves them, if that may be over before somebody looks.
        """
        deadline = monotonic() + 30
        while missing := set(names) - self.moved:
            assert monotonic() < deadline, f"{missing} did not move"
            again()
            self.look()

    def _scraped(self) -> dict[str, dict[Sample, float]]:
        self.text = self._life.operators("/metrics").text
        return {
            family.name: {
                (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                for sample in family.samples
            }
            for family in text_string_to_metric_families(self.text)
        }


def declared() -> set[str]:
    """Return the names of all families as the parser calls them."""
    names = set()
    for found in vars(metrics).values():
        one = found.declared if isinstance(found, (Counted, Tallied)) else found
        if isinstance(one, MetricWrapperBase):
            names.add(one._name)
        elif isinstance(one, Spread):
            names.add(one.name)
        elif isinstance(one, Reading):
            names.add(one.name.removesuffix("_total") if one.kind == "counter" else one.name)
    return names


@pytest.fixture(scope="module")
def scrapes() -> Iterator[Scrapes]:
    """Everything that can happen has happened, and was looked at."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Simulator("spot", accounts={"key": "secret"}))
        bots = stack.enter_context(ThreadPoolExecutor(20))
        options = OPTIONS | {
            "BPX_SERVER_FAST_LANE": "true",
            "BPX_UPSTREAM_SPOT_REST": f"http://127.0.0.1:1,{exchange.rest_url}",
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        }
        proxy = stack.enter_context(running_proxy("spot", options))
        life = Life(exchange, proxy, bots)
        eventually(lambda: life.operators("/live").status_code == 200)
        seen = Scrapes(life)
        for provoke in (usual, replies, upstream, messages, connections, the_end):
            provoke(life, seen)
        yield seen


def usual(life: Life, seen: Scrapes) -> None:
    eventually(life.answers, within_s=20)
    life.exchange.venue.limits.weight_per_minute = 5_900  # type: ignore[attr-defined]
    life.exchange.call(lambda: life.exchange.venue.still("LTCUSDT", 8_000))  # type: ignore[attr-defined]
    life.follow(KLINES, DEPTH, TICKER, SECONDS)
    eventually(lambda: "Data-Synthetic" in life.ask(SECONDS).headers, within_s=20)
    assert life.ask("/api/v3/a;b").status_code == 400
    seen.look()
    for _ in range(3):
        life.ask(KLINES)
    seen.until_moved("bpx_stream_ping_seconds", "bpx_checks", "bpx_log_lines_left_out")
    seen.until_moved("bpx_upstream_weight_limit")


def replies(life: Life, seen: Scrapes) -> None:
    life.ask("/api/v3/klines?symbol=BTCUSDT")  # an error of Binance
    life.ask(PRICES)
    life.ask(PRICES)
    slow = RestFault("/api/v3/avgPrice", delay_s=3.0)  # so that somebody sees it meanwhile
    life.exchange.faults.break_rest(slow)
    several = [life.bots.submit(life.ask, "/api/v3/avgPrice?symbol=BTCUSDT") for _ in range(3)]
    seen.until_moved(
        "bpx_requests_in_flight", "bpx_upstream_connections_used", "bpx_client_connections"
    )
    assert {one.result().status_code for one in several} == {200}
    seen.until_moved("bpx_upstream_shared", "bpx_upstream_kept")


def upstream(life: Life, seen: Scrapes) -> None:
    life.exchange.faults.break_rest(RestFault("/api/v3/trades", status=502), times=1)
    assert life.ask(TRADES).status_code == 200
    seen.until_moved("bpx_upstream_retries")
    for fault in (
        RestFault("/api/v3/trades", status=403, body=b"<html>403</html>",
                  headers={"Content-Type": "text/html"}),
        RestFault("/api/v3/trades", status=429, body=SLOW_DOWN, headers={"Retry-After": "3"}),
    ):  # fmt: skip
        life.exchange.faults.break_rest(fault, times=1)
        life.ask(f"{TRADES}&limit={fault.status}")
        seen.look()
        eventually(life.answers, within_s=20)
    life.exchange.faults.break_rest(RestFault("/api/v3/aggTrades", ending=Ending.HALF))

    def fail() -> None:
        for number in range(12):
            life.ask(f"/api/v3/aggTrades?symbol=BTCUSDT&limit={number + 1}")

    seen.until_moved("bpx_breaker_trips", "bpx_breaker_state", "bpx_ready", again=fail)
    life.exchange.faults.clear()


def messages(life: Life, seen: Scrapes) -> None:
    life.follow(DEPTH)
    life.exchange.faults.break_rest(RestFault("/api/v3/depth", status=503))
    life.exchange.send("btcusdt@depth20@100ms", b'{"nonsense":1}')
    seen.until_moved("bpx_bad_messages", "bpx_repairs", "bpx_repair_failures")
    life.exchange.faults.clear()
    sent = life.exchange.last_sent("btcusdt@depth20@100ms")
    assert sent is not None

    def overflows() -> bool:
        flood = [("btcusdt@depth20@100ms", sent.payload)] * 2_000
        life.exchange.send_all(flood)
        seen.look()
        return seen.moved >= {"bpx_queue_overflows", "bpx_queue_depth"}

    eventually(overflows, within_s=30)
    cleared = requests.post(f"{life.proxy.operators_url}/cache/clear", json={}, timeout=20)
    assert cleared.status_code == 200
    seen.until_moved("bpx_feeds_ended", "bpx_feeds")


def connections(life: Life, seen: Scrapes) -> None:
    life.exchange.faults.answer_control(
        Misanswer(lambda id_: [b'{"error":{"code":2,"msg":"no"},"id":%d}' % id_])
    )
    life.ask("/api/v3/depth?symbol=XRPUSDT&limit=5")
    seen.until_moved("bpx_stream_refusals")
    life.exchange.faults.answer_control(None)
    life.exchange.faults.refuse_handshakes(Refusal(503))
    life.exchange.drop_connections()
    seen.until_moved("bpx_stream_trips", "bpx_stream_losses", "websocket_circuit_breaker_trips")
    life.exchange.faults.clear()
    life.follow(DEPTH)


def the_end(life: Life, seen: Scrapes) -> None:
    life.slow_orders(6)
    orders = [life.order(100)]

    def is_under_way() -> bool:
        if orders[-1].done():  # it was refused: by a breaker, or a host that is not there
            orders.append(life.order(100 + len(orders)))
        return any("newClientOrderId=o1" in one for one in life.delivered())

    eventually(is_under_way, within_s=30)
    life.kill(signal.SIGTERM)
    seen.until_moved("bpx_draining")
    orders[-1].result()


def test_every_family_moves(scrapes: Scrapes, crowded: Scrapes) -> None:
    moved = scrapes.moved | crowded.moved
    assert declared() - moved - CONSTANT - BY_OPTIONS == set()
    assert scrapes.seen >= CONSTANT
    assert [name for name in BY_OPTIONS if scrapes.last[name] == crowded.last[name]] == []


@pytest.fixture(scope="module")
def crowded() -> Iterator[Scrapes]:
    """A server without room for anything, whose log cannot be written."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Simulator("spot"))
        bots = stack.enter_context(ThreadPoolExecutor(2))
        options = UNLIMITED | {
            "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
            "BPX_MEM_MAX_MEMORY_MB": "32",
            "BPX_LOG_OUTPUT": "/dev/full",
            "BPX_LOG_LEVEL": "debug",
            "BPX_RATE_SPOT_RPS": "1",
            "BPX_MEM_ENABLE_OPTIMIZATION": "true",
            "BPX_MEM_POOL_SIZE": "10",
        }
        life = Life(exchange, stack.enter_context(running_proxy("spot", options)), bots)
        eventually(lambda: life.operators("/live").status_code == 200)
        seen = Scrapes(life)

        def is_refused() -> bool:
            life.ask(KLINES)
            seen.look()
            return "bpx_feeds_refused" in seen.moved

        eventually(is_refused, within_s=30)
        seen.until_moved("bpx_log_lines_lost", "bpx_bucket_level")
        yield seen


def test_there_are_many_of_our_own(scrapes: Scrapes) -> None:
    own = {name for name in scrapes.seen if not name.startswith(OF_LIBRARIES)}
    assert len(own & declared()) >= OWN
    assert own - declared() == set(), "each is declared in bpx/metrics.py"


def test_what_the_original_called_its_metrics_exists_and_moves(scrapes: Scrapes) -> None:
    assert {name.removesuffix("_total") for name in OF_THE_ORIGINAL} - scrapes.moved == set()


@pytest.mark.skipif(not PROMTOOL, reason="there is no promtool (Debian's prometheus has it)")
def test_prometheus_finds_no_fault_but_with_the_originals_names(scrapes: Scrapes) -> None:
    found = subprocess.run(
        [PROMTOOL or "", "check", "metrics"], input=scrapes.text, capture_output=True, text=True
    )
    lines = (found.stdout + found.stderr).splitlines()
    assert [line for line in lines if line.split()[0] not in OF_THE_ORIGINAL] == []


def test_no_label_has_a_value_that_clients_choose(scrapes: Scrapes) -> None:
    told = repr(scrapes.last)
    assert not re.search(r"BTCUSDT|LTCUSDT|XRPUSDT", told)


def test_what_is_counted_in_plain_numbers_is_told_as_the_library_would() -> None:
    registry = CollectorRegistry()
    theirs = Counter("bpx_one_total", "One.", ["market"], registry=registry)
    spread = Histogram("bpx_two_seconds", "Two.", ["market"], buckets=FAST_S, registry=registry)
    with ExitStack() as stack:
        ours = Counted("bpx_one_total", "One.", ("market",))
        stack.callback(REGISTRY.unregister, ours)
        tallied = Tallied("bpx_two_seconds", "Two.", ("market",), FAST_S)
        stack.callback(REGISTRY.unregister, tallied)
        theirs.labels("spot").inc(3)
        ours.labels("spot").value += 1
        ours.labels("spot").value += 2
        for seconds in (0.0, 0.001, 0.0011, 60.0):
            spread.labels("spot").observe(seconds)
            tallied.labels("spot").add(seconds)
        told = [samples for one in (ours, tallied) for family in one.collect()
                for samples in family.samples]  # fmt: skip
    expected = [sample for family in registry.collect() for sample in family.samples]
    assert {(one.name, *one.labels.items()): one.value for one in told} == {
        (one.name, *one.labels.items()): one.value
        for one in expected
        if not one.name.endswith("_created")
    }


def test_the_page_of_metrics_is_what_is_declared() -> None:
    assert PAGE.read_text() == text(), "`python -m tests.metrics_page` writes it anew"
