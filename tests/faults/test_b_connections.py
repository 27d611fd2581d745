"""What becomes of stream connections: rows B1 to B4, B14."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from threading import Event
from time import monotonic

import pytest
from prometheus_client import REGISTRY

from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from tests.application import application
from tests.faults.figures import figure
from tests.faults.inside import WEIGHT, Inside, inside
from tests.faults.scale import full_or
from tests.faults.streaming import (
    Streaming,
    Watch,
    end_connections,
    proxied,
    rows_of,
    streaming,
    tell_all,
)
from tests.faults.tcp import Fault, FaultProxy
from tests.peers.place import QUICK
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=20"
OTHER_KLINES = "/api/v3/klines?symbol=ETHUSDT&interval=1m&limit=20"
DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=20"
TICKER = "/api/v3/ticker/24hr?symbol=ETHUSDT"
ALL = (KLINES, OTHER_KLINES, DEPTH, TICKER)
TAILS = tuple(target.removeprefix("/api/v3/") for target in ALL)
WIDE = replace(LIMITS["spot"], connects=10_000)
IDLE_S = 120.0  # after which a book that nobody asks for is let go
WITHIN_S = 0.1  # what the network has taken before it is cut may still arrive

pytestmark = pytest.mark.timeout(full_or(900, 60))


# B1


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator("spot", limits=WIDE, speed=5.0) as simulator:
        simulator.venue.limits.weight_per_minute = WEIGHT
        yield simulator


@pytest.mark.parametrize("how", ["1000", "1001", "1006", "1008", "1011", "FIN", "RST"])
def test_b1_whatever_ends_a_connection_there_is_another_within_a_second(exchange, how):
    back_s: list[float] = []
    for _ in range(full_or(10, 1)):  # more at a time would wait for this process and each other
        back_s += lost_by(exchange, how, 2)
    figure("B1", how=how, losses=len(back_s), slowest_s=max(back_s), errors=0)
    assert max(back_s) <= 1.0


def lost_by(exchange: Simulator, how: str, count: int) -> list[float]:
    """End the connections of as many applications; return how long each was without one."""
    with ExitStack() as stack:
        bots = [stack.enter_context(watched(exchange)) for _ in range(count)]
        connects, began = exchange.connects, monotonic()
        end_connections(exchange, how)
        back_s: dict[int, float] = {}
        while len(back_s) < len(bots):
            for number, bot in enumerate(bots):
                assert all(bot.ask(tail).status == 200 for tail in TAILS)
                opened_s = opened_at(bot) - began
                if opened_s > 0:
                    back_s.setdefault(number, opened_s)
            assert monotonic() - began < 10
            Event().wait(0.01)  # the exchange and the applications share one interpreter
        for bot in bots:
            bot.follow(*TAILS)
        assert exchange.connects == connects + len(bots)
        exchange.pause()
        try:
            for bot in bots:
                for tail in TAILS[:2]:
                    assert rows_of(bot.ask(tail).body)[:-1] == rows_of(bot.truth(tail))[:-1]
        finally:
            exchange.resume()
    return list(back_s.values())


@contextmanager
def watched(exchange: Simulator) -> Iterator[Inside]:
    """Give an application of its own, all of whose answers come from streams."""
    delays = {"BPX_WS_RECONNECT_DELAY": "1s", "BPX_WS_MAX_RECONNECT_DELAY": "300s"}
    options = QUICK | delays | {"BPX_RATE_SPOT_RPS": "10000"}
    with application(exchange, **options) as app:
        here = Inside(exchange, app)
        eventually(lambda: here.ask("exchangeInfo").source == "cache")
        here.follow(*TAILS)
        yield here


def opened_at(bot: Inside) -> float:
    """Return when the connection was opened that is there: by itself, not by who looks late."""
    now = monotonic()
    (connection,) = bot.app.extensions["bpx.house"].streams.report(now)
    return now - connection.age_s if connection.state == "open" else 0.0


# B2


def test_b2_a_connection_is_replaced_before_it_is_too_old_and_nobody_notices():
    life_s, swaps = full_or(60.0, 1.2), 5
    options = {
        "BPX_WS_MAX_AGE": f"{life_s * 1000:.0f}ms",
        # The exchange may be held up for a while, which is no loss.
        "BPX_FRESH_ALIVE": "5s",
        "BPX_WS_PONG_TIMEOUT": "20s",
        "BPX_WS_HANDSHAKE_TIMEOUT": "20s",
    }
    with streaming(options, speed=10.0) as here:
        here.follow(*ALL)
        before, open_at_once = here.asked(), []
        repairs_before = here.metric("bpx_repairs_total")

        def has_swapped() -> bool:
            open_at_once.append(len(here.exchange.connections))
            return here.metric("bpx_stream_transitions_total", to="open") >= 1 + swaps

        with Watch(here.proxy.url, ALL) as watch:
            eventually(has_swapped, within_s=life_s * (swaps + 3) + 20)
        asked, losses = here.asked() - before, here.metric("bpx_stream_losses_total")
        repairs = here.metric("bpx_repairs_total") - repairs_before
        with here.place.frozen():  # what was sent before that may be under way
            truth = rows_of(here.place.truth(KLINES))[:-1]
            eventually(lambda: rows_of(here.place.ask(KLINES).content)[:-1] == truth)
    figure("B2", swaps=swaps, answers=watch.answers, not_from_a_stream=len(watch.odd),
           rest_calls=asked, losses=losses, fewest_connections=min(open_at_once))  # fmt: skip
    assert watch.odd == []
    assert (asked, losses, repairs) == (0, 0, 0)
    assert min(open_at_once) >= 1


# B3


@pytest.mark.parametrize("form", ["raw", "combined"])
def test_b3_on_a_shutdown_notice_the_connection_is_replaced_at_once(form):
    with inside("spot") as here:
        here.follow(*TAILS)
        here.exchange.requests.clear()
        bad = sample("bpx_bad_messages_total", market="spot")
        for closes_after_s in (0.5, full_or(30, 2), None):
            old = here.exchange.call(lambda: list(here.exchange._server.streams._open))
            connects, began = here.exchange.connects, monotonic()
            tell_all(here.exchange, notice(form, here.exchange.now_ms))
            eventually(lambda n=connects: here.exchange.connects == n + 1, within_s=1.0)
            started_s = monotonic() - began
            if closes_after_s is not None:
                over = began + closes_after_s
                eventually(lambda at=over: monotonic() > at, within_s=closes_after_s + 5)
                here.exchange.call(lambda them=old: [one.end(1001) for one in them])
            eventually(lambda: len(here.exchange.connections) == 1)
            assert [here.ask(tail).source for tail in TAILS] == ["websocket"] * len(TAILS)
            asked = len(here.exchange.requests)
            figure("B3", form=form, closes_after_s=closes_after_s, started_s=started_s,
                   rest_calls=asked)  # fmt: skip
            assert asked == 0
            assert sample("bpx_bad_messages_total", market="spot") == bad


def sample(name: str, **labels: str) -> float:
    """Return a metric of this process."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def notice(form: str, now_ms: int) -> bytes:
    payload = {"e": "serverShutdown", "E": now_ms}
    whole = payload if form == "raw" else {"stream": "!serverShutdown", "data": payload}
    return json.dumps(whole, separators=(",", ":")).encode()


# B4


def test_b4_a_black_hole_is_noticed_and_rest_serves_meanwhile():
    alive_s, pong_s = full_or(5, 1), full_or(20, 2)
    options = {
        "BPX_FRESH_ALIVE": f"{alive_s}s",
        "BPX_WS_PONG_TIMEOUT": f"{pong_s}s",
        "BPX_WS_HANDSHAKE_TIMEOUT": f"{full_or(10, 1)}s",
        "BPX_FRESH_KEPT": "10ms",
    }
    with Simulator("spot") as exchange, FaultProxy(exchange.port) as network:
        exchange.venue.limits.weight_per_minute = WEIGHT
        with proxied(exchange, options, stream_url=f"ws://127.0.0.1:{network.port}") as here:
            here.follow(*ALL)
            losses = here.metric("bpx_stream_losses_total")
            with Watch(here.proxy.url, ALL) as watch:
                network.fault, began = Fault.BLACK_HOLE, monotonic()
                eventually(lambda: here.metric("bpx_stream_losses_total") > losses, within_s=35)
                dead_s = monotonic() - began
                seen = len(watch.odd)
                eventually(lambda: len(watch.odd) > seen + 20)
                fresh_s = {one: watch.streamed_at[one] - began for one in ALL}
                network.fault = Fault.NONE
                mended = monotonic()
                # An attempt that was swallowed has to time out first.
                eventually(lambda: is_streamed(here), within_s=full_or(10, 1) + 8)
                back_s = monotonic() - mended
    figure("B4", alive_s=alive_s, fresh_s=max(fresh_s.values()), dead_s=dead_s, back_s=back_s,
           answers=watch.answers, errors=watch.errors)  # fmt: skip
    assert max(fresh_s.values()) <= alive_s + WITHIN_S, fresh_s
    assert dead_s <= alive_s / 2 + pong_s + 2.5
    assert watch.errors == 0
    assert {source for *_, source in watch.odd} <= {"upstream", "cache"}


def is_streamed(here: Streaming) -> bool:
    return all(here.place.ask(one).headers["Data-Source"] == "websocket" for one in ALL)


# B14


def test_b14_what_is_released_and_asked_for_again_is_right_the_first_time():
    cycles, tail, stream = (
        full_or(200, 20),
        "depth?symbol=BTCUSDT&limit=20",
        "btcusdt@depth20@100ms",
    )
    with inside("futures") as here:
        house = here.app.extensions["bpx.house"]
        here.follow(tail)
        tasks, slowest_s = living(house.runtime), 0.0
        for number in range(cycles):
            here.exchange.pause()  # nothing that was sent before is to be under way
            eventually(lambda: bids_of(here.ask(tail).body) == bids_of(here.truth(tail)))
            asked_at = house.runtime.now()
            house.depth.sweep(asked_at + IDLE_S - 10)
            assert len(house.depth) == 1, "nobody has been idle for so long"
            house.depth.sweep(asked_at + IDLE_S + 1)
            assert len(house.depth) == 0
            if number % 2:  # the other times it is asked for while the unsubscribe is in flight
                eventually(lambda: here.subscribed() == set())
                here.exchange.step(1_000)
            answer, truth = here.ask(tail), here.truth(tail)
            here.exchange.resume()
            assert (answer.status, bids_of(answer.body)) == (200, bids_of(truth))
            slowest_s = max(slowest_s, answer.took_s)
            here.follow(tail)
        eventually(lambda: living(house.runtime) <= tasks)
        eventually(lambda: here.subscribed() == {stream})
        eventually(lambda: len(here.exchange.connections) == 1)
    figure("B14", cycles=cycles, slowest_first_answer_s=slowest_s, leaked=0)
    assert slowest_s <= full_or(1, 10)


def bids_of(body: bytes) -> list[list[str]]:
    """Return one side of a book."""
    bids: list[list[str]] = json.loads(body)["bids"]
    return bids


def living(runtime: ThreadRuntime) -> int:
    return sum(thread.is_alive() for thread in runtime.threads)
