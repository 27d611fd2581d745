from collections.abc import Iterator

import pytest
import requests

from bpx.simulator.simulator import Simulator
from tests.proxy import running_proxy
from tests.waiting import eventually

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=500"
DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=20"
PRICES = "/api/v3/ticker/price"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator("spot") as exchange:
        yield exchange


def options(exchange: Simulator) -> dict[str, str]:
    return {"BPX_UPSTREAM_SPOT_REST": exchange.rest_url, "BPX_UPSTREAM_SPOT_WS": exchange.ws_url}


def test_the_page_is_there_only_if_the_option_says_so(exchange) -> None:
    for text, status in (("true", 200), ("false", 404)):
        env = options(exchange) | {"BPX_FEAT_ENABLE_MEMORY_MONITORING": text}
        with running_proxy("spot", env) as proxy:
            reply = requests.get(f"{proxy.operators_url}/memory", timeout=10)
            assert reply.status_code == status


def test_the_page_tells_where_memory_is(exchange) -> None:
    env = options(exchange) | {"BPX_FEAT_ENABLE_MEMORY_MONITORING": "true"}
    with running_proxy("spot", env) as proxy:

        def is_followed(target: str) -> bool:
            reply = requests.get(proxy.url + target, timeout=20)
            return reply.headers["Data-Source"] == "websocket"

        eventually(lambda: all(map(is_followed, (KLINES, DEPTH))), within_s=20)
        requests.get(proxy.url + PRICES, timeout=20)
        page = requests.get(f"{proxy.operators_url}/memory", timeout=10).json()
    assert page["process"]["peak_bytes"] >= page["process"]["resident_bytes"] > 20 * 2**20
    assert page["process"]["stack_bytes"] > 0
    assert page["leak"]["verdict"] == "clean"
    assert len(page["collector"]["generations"]) == 3
    caches = page["caches"]["spot"]
    rows = 500 * 100  # bytes at least
    assert caches["klines"]["number"] == 1
    assert rows < caches["klines"]["size_bytes"] < 10 * rows
    assert caches["depth"]["number"] == 1
    assert caches["exchangeInfo"]["size_bytes"] > 10_000
    assert caches["replies"]["number"] == 1
    public = page["pools"]["spot"]["rest"][exchange.rest_url]["public"]
    assert 1 <= public["kept"] <= public["most"]
    assert page["pools"]["spot"]["streams"]["connections"] >= 1
    assert page["objects"]["number"] > 10_000
    names = [one["name"] for one in page["objects"]["largest"]]
    assert "dict" in names
