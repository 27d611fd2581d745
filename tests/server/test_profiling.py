"""Profiles of a real worker, and of this process."""

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import gevent
import pytest
import requests

from bpx.errors import Occupied
from bpx.server.profiling import Profiling
from bpx.server.runtime import GeventRuntime
from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from tests.profiles.decoding import decode
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

SECRET = "canary0canary0canary"
ORDER = f"/api/v3/order?symbol=BTCUSDT&timestamp=1&signature={SECRET}"
FILES = ("profile?seconds=1", "heap", "heap?seconds=1", "goroutine")
NO_SYMBOL = "/api/v3/depth?symbol=NOSUCH&limit=5"
DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=5"


def ask(proxy: Proxy, target: str) -> requests.Response:
    return requests.get(f"{proxy.operators_url}/debug/pprof/{target}", timeout=30)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator("spot") as exchange:
        yield exchange


@pytest.fixture(scope="module")
def proxy(exchange: Simulator) -> Iterator[Proxy]:
    env = {
        "BPX_FEAT_ENABLE_PPROF": "true",
        "BPX_SERVER_FAST_LANE": "true",
        "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
        "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
    }
    with running_proxy("spot", env) as proxy:
        yield proxy


def test_profiles_are_there_only_if_the_option_says_so(proxy, exchange) -> None:
    assert ask(proxy, "").status_code == 200
    with running_proxy("spot", {"BPX_UPSTREAM_SPOT_REST": exchange.rest_url}) as other:
        assert [ask(other, one).status_code for one in ("", *FILES)] == [404] * 5


def test_a_busy_worker_says_what_it_is_busy_with_and_goes_on(proxy) -> None:
    def is_seen() -> bool:
        profile, waits_s = profile_of_a_busy(proxy)
        assert sorted(waits_s)[len(waits_s) // 2] < 0.5
        assert profile.kinds[-1] == ("busy", "nanoseconds")
        assert 1.5e9 < profile.duration_ns < 20e9
        names = {frame.function for sample in profile.samples for frame in sample.stack}
        entries = {sample.labels["greenlet"] for sample in profile.samples}
        return (
            "bpx.server.lane.Lane.answer_known" in names
            and "bpx.server.listening.Listening._started.<locals>.serve" in entries
        )

    eventually(is_seen, within_s=30)  # it is a matter of chance, if the machine is busy with others


def profile_of_a_busy(proxy: Proxy) -> tuple[Any, list[float]]:
    """Return a profile of two seconds, and how long each request took meanwhile."""
    waits_s: list[float] = []
    with ThreadPoolExecutor() as pool, requests.Session() as client:
        taken = pool.submit(ask, proxy, "profile?seconds=2")
        while not taken.done():
            began = monotonic()
            assert client.get(proxy.url + DEPTH, timeout=10).status_code == 200
            waits_s.append(monotonic() - began)
        return decode(taken.result().content), waits_s


def test_two_profiles_at_once_are_refused(proxy) -> None:
    with ThreadPoolExecutor() as pool:
        taken = list(pool.map(lambda one: ask(proxy, one), ["profile?seconds=2"] * 2))
    assert sorted(one.status_code for one in taken) == [200, 409]


def test_whoever_hangs_up_leaves_room_for_another(proxy) -> None:
    with pytest.raises(requests.Timeout):
        requests.get(f"{proxy.operators_url}/debug/pprof/profile?seconds=300", timeout=0.3)
    eventually(lambda: ask(proxy, "profile?seconds=1").status_code == 200, within_s=20)


def test_all_greenlets_of_a_worker_are_told(proxy) -> None:
    def are_told() -> bool:
        requests.get(proxy.url + DEPTH, timeout=5)
        found = decode(ask(proxy, "goroutine").content)
        names = {frame.function for sample in found.samples for frame in sample.stack}
        return names >= {
            "bpx.feed.listing.Listing.follow",
            "bpx.feed.feed.Feed.follow",
            "bpx.server.lifetime.Lifetime.run",
            "bpx.operators.profiles.profiles_blueprint.<locals>.goroutine",
        }

    eventually(are_told, within_s=20)


def test_the_heap_of_a_worker_is_told_by_type(proxy) -> None:
    heap = decode(ask(proxy, "heap").content)
    sizes = {one.stack[0].function: one.values for one in heap.samples}
    assert sizes["bpx.upstream.upstream.Upstream"][0] == 1
    assert sizes["dict"][1] > 100_000


def busy(proxy: Proxy) -> None:
    until = monotonic() + 1.2
    while monotonic() < until:
        requests.get(proxy.url + NO_SYMBOL, timeout=5)  # answered by us, whatever REST does


# As a file or as text, of each sort: they say the same.
@pytest.mark.parametrize("target", [*FILES[::2], *(f"{one}&debug=1" for one in FILES[1::2])])
def test_no_secret_shows(proxy, exchange, target) -> None:
    eventually(lambda: requests.get(proxy.url + NO_SYMBOL).headers["Data-Source"] == "proxy", 20)
    contents = (content_amid_orders(proxy, exchange, target, delay_s) for delay_s in (1.5, 6, 12))
    content = next(filter(None, contents), b"")
    seen = repr(decode(content)) if "debug" not in target else content.decode()
    assert "bpx" in seen
    assert SECRET not in seen


def content_amid_orders(
    proxy: Proxy, exchange: Simulator, target: str, delay_s: float
) -> bytes | None:
    """Return a profile of a worker that has orders under way; None if they were answered before."""
    exchange.faults.break_rest(RestFault(delay_s=delay_s))
    with ThreadPoolExecutor() as pool:
        headers = {"X-MBX-APIKEY": SECRET}
        asked = [
            pool.submit(requests.post, proxy.url + ORDER, headers=headers, timeout=30)
            for _ in range(4)
        ]
        pool.submit(busy, proxy)
        content = ask(proxy, target.replace("&", "?" if "?" not in target else "&")).content
        were_under_way = not all(one.done() for one in asked)
    exchange.faults.clear()
    return content if were_under_way else None


@pytest.fixture
def profiling() -> Iterator[Profiling]:
    one = Profiling(GeventRuntime())
    yield one
    one.close()


def test_what_is_allocated_meanwhile_is_told_and_tracing_ends(profiling) -> None:
    kept = []

    def allocate() -> None:
        while not tracemalloc.is_tracing():
            gevent.sleep(0)
        kept.append(bytearray(2**20))

    task = gevent.spawn(allocate)
    profile = profiling.heap(0.3, lambda: False)
    task.join()
    assert max(size for _, size in profile.samples.values()) >= 2**20
    assert not tracemalloc.is_tracing()


def test_two_looks_at_the_heap_are_refused(profiling) -> None:
    first = gevent.spawn(profiling.heap, 0.2, lambda: False)
    gevent.sleep(0)
    with pytest.raises(Occupied):
        profiling.heap(0, lambda: False)
    first.get()
    assert profiling.heap(0, lambda: False).samples
