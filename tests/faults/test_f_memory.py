"""A leak is found and named; steady load is none."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from threading import Event
from time import monotonic
from typing import Any

import pytest
import requests

from bpx.simulator.simulator import Simulator
from tests.faults.figures import figure
from tests.faults.scale import full_or
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

STEADY_S = full_or(600, 8)
PER_S = 50
TARGETS = (
    "/api/v3/depth?symbol=BTCUSDT&limit=5",
    "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=500",
    "/api/v3/ticker/24hr?symbol=BTCUSDT",
    "/api/v3/exchangeInfo?symbol=BTCUSDT",
    "/api/v3/ticker/price",
)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Simulator("spot") as exchange:
        env = {
            "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        }
        with running_proxy("tests.faults.watched:app", env) as proxy:
            yield proxy


def memory(proxy: Proxy) -> Any:
    return requests.get(f"{proxy.operators_url}/memory", timeout=20).json()


@contextmanager
def load(proxy: Proxy, *targets: str) -> Iterator[None]:
    """Let a bot ask for one after the other, all the time."""
    ended = Event()

    def ask() -> None:
        with requests.Session() as bot:
            for target in cycle(targets):
                if ended.wait(1 / PER_S):
                    return
                bot.get(proxy.url + target, timeout=20)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            yield
        finally:
            ended.set()
        asked.result()


def test_a_leak_is_found_and_named(proxy: Proxy) -> None:
    with load(proxy, "/leak", *TARGETS):
        eventually(lambda: memory(proxy)["leak"]["verdict"] == "leak", within_s=40)
        page = memory(proxy)
        eventually(lambda: memory(proxy)["leak"]["given_back_bytes"] > 0, within_s=20)
    names = [one["name"] for one in page["leak"]["types"]]
    assert "bytearray" in names
    assert page["leak"]["grows_bytes_per_hour"] > 2**20
    grown = {one["name"]: one["number"] for one in page["objects"]["grown"]}
    assert grown["tests.faults.watched.Forgotten"] > 20
    assert "memory grows all the time, and so do" in proxy.log()


@pytest.mark.timeout(900)
def test_steady_load_is_no_leak(proxy: Proxy) -> None:
    verdicts, until = set(), monotonic() + STEADY_S
    with load(proxy, *TARGETS):
        eventually(lambda: memory(proxy)["leak"]["looks"] >= 30, within_s=30)
        while monotonic() < until:
            verdicts.add(memory(proxy)["leak"]["verdict"])
            Event().wait(2)
    page = memory(proxy)
    figure(
        "memory",
        seconds=STEADY_S,
        resident_mb=round(page["process"]["resident_bytes"] / 2**20, 1),
        grows_mb_per_hour=round(page["leak"]["grows_bytes_per_hour"] / 2**20, 2),
    )
    assert verdicts == {"clean"}, page["leak"]
