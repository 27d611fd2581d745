"""F15: what operators are told is true, at once, and costs nobody anything."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from bpx.simulator.faults import Ending, Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.faults.figures import figure
from tests.faults.life import DEPTH, Life, living
from tests.faults.scale import full_or
from tests.faults.stage import UNLIMITED, percentile
from tests.proxy import running_proxy
from tests.waiting import eventually

QUICK = {
    "BPX_WS_RECONNECT_DELAY": "20ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "50ms",
    "BPX_FRESH_ALIVE": "5s",
    "BPX_FRESH_EXCHANGE_INFO": "500ms",
    "BPX_RECOVERY_BASE_DELAY": "50ms",
    "BPX_RECOVERY_MAX_DELAY": "200ms",
    "BPX_RECOVERY_MAX_RETRIES": "0",
}
DEAD_REST = RestFault(ending=Ending.CLOSE)
BAN = RestFault(status=418, body=b'{"code":-1003,"msg":"banned"}', headers={"Retry-After": "90"})
NO_STREAMS = Refusal(503)


@pytest.fixture
def life() -> Iterator[Life]:
    with living(QUICK) as one:
        yield one


def status(life: Life) -> tuple[int, str]:
    """Return what /ready says, after a look at what must hold in any case."""
    for page, statuses in {"/live": (200,), "/health": (200,), "/ready": (200, 503)}.items():
        reply = life.operators(page)
        assert reply.status_code in statuses
    return reply.status_code, reply.json()["status"]


def seconds(life: Life, page: str) -> float:
    """Return how long a page takes."""
    began = monotonic()
    life.operators(page)
    return monotonic() - began


def becomes(life: Life, code: int, wanted: str) -> None:
    eventually(lambda: status(life) == (code, wanted), within_s=20)


def troubles(life: Life) -> list[str]:
    """Return what the reasons are about."""
    return [reason.partition(":")[0] for reason in life.health()["reasons"]]


def is_failing(life: Life) -> bool:
    """Whether the one connection has been given up for a while."""
    (connection,) = life.health()["streams"]
    return bool(connection["state"] == "failing" and connection["failures"] >= 3)


def break_streams(life: Life) -> None:
    life.exchange.faults.refuse_handshakes(NO_STREAMS)
    life.exchange.drop_connections()


def test_f15_either_streams_or_rest_are_enough_and_without_both_nothing_is_ready(
    life: Life,
) -> None:
    life.follow(DEPTH)
    becomes(life, 200, "ok")
    life.exchange.faults.break_rest(DEAD_REST)
    becomes(life, 200, "degraded")
    eventually(lambda: troubles(life) == ["REST"])
    break_streams(life)
    becomes(life, 503, "not ready")
    eventually(lambda: troubles(life) == ["streams", "REST"])
    life.exchange.faults.clear()
    eventually(lambda: status(life)[0] == 200)


def test_f15_a_ban_is_no_reason_while_the_cache_can_serve(life: Life) -> None:
    life.follow(DEPTH)
    life.exchange.faults.break_rest(BAN)
    becomes(life, 200, "degraded")
    assert life.health()["budget"]["hold_left_s"] > 50
    assert life.ask(DEPTH).headers["Data-Source"] == "websocket"
    break_streams(life)
    becomes(life, 503, "not ready")


def test_f15_a_ban_with_an_empty_cache_is_a_reason(life: Life) -> None:
    life.exchange.faults.break_rest(BAN)
    becomes(life, 503, "not ready")


def test_f15_without_any_stream_it_is_ready_by_rest_within_5_s() -> None:
    with Simulator("spot") as exchange:
        exchange.faults.refuse_handshakes(NO_STREAMS)
        upstream = {
            "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        }
        began = monotonic()
        with (
            ThreadPoolExecutor(1) as bots,
            running_proxy("spot", UNLIMITED | upstream) as proxy,
        ):
            life = Life(exchange, proxy, bots)
            assert life.ask(DEPTH).status_code == 200
            eventually(lambda: status(life)[0] == 200)
            figure("F15", ready_without_streams_s=monotonic() - began)
            assert monotonic() - began <= full_or(5, 20)


def test_f15_an_open_breaker_of_streams_is_a_reason_though_rest_works() -> None:
    with living(QUICK | {"BPX_WS_MAX_RECONNECTS": "3"}) as life:
        life.follow(DEPTH)
        break_streams(life)
        becomes(life, 503, "not ready")
        assert life.ask("/api/v3/time").status_code == 200
        eventually(lambda: is_failing(life))
        life.exchange.faults.clear()
        becomes(life, 200, "ok")


def test_f15_nothing_is_asked_of_the_exchange_for_it_and_no_secret_is_told() -> None:
    with living({"BPX_FRESH_EXCHANGE_INFO": "1h"}) as life:
        canary = "canary0canary1canary2canary3canary4canary5canary6canary7canary8c"
        life.ask(f"/api/v3/account?timestamp=1&signature={canary}")
        life.exchange.requests.clear()
        for _ in range(20):
            status(life)
        assert len(life.exchange.requests) == 0
        pages = [life.operators(page).text for page in ("/live", "/ready", "/health", "/metrics")]
        assert not any("canary" in page or "signature=" in page for page in pages)


def test_f15_the_pages_answer_at_once_while_the_exchange_does_not() -> None:
    with living({"BPX_SERVER_SHUTDOWN_TIMEOUT": "500ms"}) as life:
        life.follow(DEPTH)
        life.exchange.faults.break_rest(RestFault(ending=Ending.STALL))
        waiting = [life.order(number) for number in range(5)]
        eventually(lambda: len(life.delivered()) == len(waiting))
        took_s = [seconds(life, page) for page in ("/live", "/ready", "/health") * 10]
        assert not any(order.done() for order in waiting)
    figure("F15", median_s=percentile(took_s, 0.5), p90_s=percentile(took_s, 0.9))
    assert percentile(took_s, 0.9) <= full_or(1, 20) / 10
