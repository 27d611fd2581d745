"""Each option of memory changes what a real worker does."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from bpx.memory.limit import HIGH
from bpx.server.connection import Connection, Patience
from bpx.server.crowd import Crowd
from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from bpx.upstream.bounds import Bounds
from bpx.upstream.call import Call
from bpx.upstream.wire import Wire
from tests.proxy import Proxy, running_proxy
from tests.runtime import ThreadRuntime
from tests.upstream.wire_server import WireServer, ok
from tests.waiting import eventually

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
ROOM_MB = 10  # besides what a worker has when nothing is followed
KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator("spot") as exchange:
        yield exchange


def options(exchange: Simulator, **more: str) -> dict[str, str]:
    return {
        "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
        "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
        "BPX_RATE_SPOT_RPS": "10000",
        **more,
    }


def memory(proxy: Proxy):
    return requests.get(f"{proxy.operators_url}/memory", timeout=20).json()


def source(proxy: Proxy) -> str:
    return requests.get(proxy.url + KLINES, timeout=20).headers["Data-Source"]


def test_without_room_nothing_is_followed_and_it_shows(exchange) -> None:
    with running_proxy("spot", options(exchange, BPX_MEM_MAX_MEMORY_MB="512")) as proxy:
        eventually(lambda: source(proxy) == "websocket", within_s=20)
        used_mb = memory(proxy)["process"]["resident_bytes"] // 2**20
        assert memory(proxy)["limit"] == {
            "most_bytes": 512 * 2**20, "is_full": False, "ended": 0, "given_back_bytes": 0,
        }  # fmt: skip
    with running_proxy("spot", options(exchange, BPX_MEM_MAX_MEMORY_MB=str(used_mb))) as proxy:
        eventually(lambda: is_listed(proxy), within_s=20)
        eventually(lambda: memory(proxy)["limit"]["is_full"], within_s=20)
        assert {source(proxy) for _ in range(3)} == {"upstream"}
        page = requests.get(f"{proxy.operators_url}/metrics", timeout=20).text
        assert "nothing new is cached" in proxy.log()
    refused = re.search(
        r'^bpx_feeds_refused_total\{kind="klines",market="spot"\} (\S+)', page, re.M
    )
    assert refused is not None
    assert float(refused[1]) >= 3


def is_listed(proxy: Proxy) -> bool:
    reply = requests.get(f"{proxy.url}/api/v3/exchangeInfo", timeout=20)
    return reply.headers["Data-Source"] == "cache"


def test_garbage_is_looked_for_as_often_as_the_options_say(exchange) -> None:
    found = {}
    for name, more in {
        "off": {"BPX_MEM_GC_TARGET_PERCENT": "50"},
        "half": {"BPX_MEM_GC_TARGET_PERCENT": "50", "BPX_MEM_ENABLE_OPTIMIZATION": "true"},
        "twice": {"BPX_MEM_GC_TARGET_PERCENT": "200", "BPX_MEM_ENABLE_OPTIMIZATION": "true"},
    }.items():
        with running_proxy("spot", options(exchange, **more)) as proxy:
            rows = memory(proxy)["collector"]["generations"]
            found[name] = [row["threshold"] for row in rows]
    assert found == {"off": [700, 10, 10], "half": [350, 5, 5], "twice": [1400, 20, 20]}


@pytest.mark.timeout(120)
def test_no_more_connections_are_opened_than_the_pool_has(exchange) -> None:
    most = {}
    slow = RestFault(prefix="/api/v3/avgPrice", delay_s=0.4)
    for size in ("10", "30"):
        with running_proxy("spot", options(exchange, BPX_MEM_POOL_SIZE=size)) as proxy:
            eventually(lambda: is_listed(proxy), within_s=20)
            exchange.faults.break_rest(slow)
            targets = [f"{proxy.url}/api/v3/avgPrice?symbol=BTCUSDT&x={one}" for one in range(60)]
            eventually(
                lambda proxy=proxy, targets=targets, size=size: (
                    opened(proxy, exchange, targets) >= int(size)
                ),
                within_s=40,
            )
            public = memory(proxy)["pools"]["spot"]["rest"][exchange.rest_url]["public"]
            most[size] = (public["most"], public["kept"])
    exchange.faults.clear()
    assert most == {"10": (10, 10), "30": (30, 30)}


def opened(proxy: Proxy, exchange: Simulator, targets: list[str]) -> int:
    """Ask all at once, and return how many connections are open by that."""
    with ThreadPoolExecutor(len(targets)) as pool:
        list(pool.map(lambda target: requests.get(target, timeout=20), targets))
    kept: int = memory(proxy)["pools"]["spot"]["rest"][exchange.rest_url]["public"]["kept"]
    return kept


@pytest.mark.parametrize(("buffer_bytes", "most"), [(512, 512), (4096, 4096), (100_000, 8192)])
def test_as_much_is_read_at_a_time_as_the_buffer_holds(buffer_bytes, most) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 8192)
        patience = Patience(read_s=5, write_s=5, idle_s=5)
        connection = Connection(ours, patience, Crowd(10), buffer_bytes)
        assert len(connection.recv(8192)) == most
    with WireServer() as server:
        server.answer = lambda request: ok(b"[" + b"1," * 400_000 + b"1]")
        wire = Wire(server.url, ThreadRuntime(), Bounds(chunk_bytes=16 * buffer_bytes))
        reply = wire.ask(Call("GET", "/x"), 5.0, whole_bytes=1000)
        assert reply.stream is not None
        chunks = [len(chunk) for chunk in reply.stream]
        wire.close()
    assert max(chunks[1:] or chunks) <= 16 * buffer_bytes
    assert sum(chunks) == 800_003


@pytest.mark.timeout(150)
def test_what_was_asked_for_longest_ago_goes_before_the_limit_is_reached(exchange) -> None:
    with running_proxy("spot", options(exchange)) as proxy:
        eventually(lambda: is_listed(proxy), within_s=20)
        base_mb = memory(proxy)["process"]["resident_bytes"] / 2**20
        listed = requests.get(f"{proxy.url}/api/v3/exchangeInfo", timeout=20).json()["symbols"]
    symbols = [row["symbol"] for row in listed if row["status"] == "TRADING"]
    targets = [
        f"/api/v3/klines?symbol={symbol}&interval={interval}&limit=1000"
        for symbol in symbols
        for interval in INTERVALS
    ]
    limit_mb = round((base_mb + ROOM_MB) / HIGH)
    with running_proxy("spot", options(exchange, BPX_MEM_MAX_MEMORY_MB=str(limit_mb))) as proxy:
        eventually(lambda: is_listed(proxy), within_s=20)

        def is_given_back() -> bool:
            for target in targets:
                assert requests.get(proxy.url + target, timeout=20).status_code == 200
            return memory(proxy)["limit"]["ended"] > 0

        eventually(is_given_back, within_s=100)
        page = memory(proxy)
    assert page["process"]["peak_bytes"] < 1.1 * limit_mb * 2**20
    assert page["limit"]["given_back_bytes"] > 100_000
