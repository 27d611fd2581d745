"""How often connections are made and what is said on them: rows B6, B7, B13, and a cold start."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from time import monotonic, sleep

import pytest

from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.simulator.faults import Refusal
from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from bpx.streams.connects import Connects
from bpx.streams.streams import Streams
from bpx.streams.wire import Wire
from tests.faults.at_once import AtOnce
from tests.faults.figures import figure
from tests.faults.scale import full_or
from tests.faults.stage import NOWHERE, Bots, percentile
from tests.faults.streaming import WEIGHT, Streaming, proxied, streaming
from tests.faults.tcp import FaultProxy
from tests.runtime import ThreadRuntime
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually

ALL = (
    "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=20",
    "/api/v3/depth?symbol=BTCUSDT&limit=20",
    "/api/v3/ticker/24hr?symbol=ETHUSDT",
)
# The simulated exchange is slow while hundreds ask it at once.
PATIENT = {
    "BPX_WS_HANDSHAKE_TIMEOUT": "10s",
    "BPX_FRESH_ALIVE": "5s",
    "BPX_WS_PONG_TIMEOUT": "60s",
}
MOST = 0.95  # of the answers: on a busy host a few are late whoever is asked
MINUTE_MS = 60_000
WIDE = replace(LIMITS["spot"], connects=10_000)
FOUR_A_SECOND = replace(LIMITS["spot"], messages_per_s=4)

pytestmark = pytest.mark.timeout(full_or(900, 60))


# B6 and the cold start


@pytest.fixture(scope="module")
def full_exchange() -> Iterator[Simulator]:
    with Simulator("spot", full_size=True) as simulator:
        yield simulator


def test_b6_300_symbols_at_once_stay_within_the_limit_of_messages():
    with (
        Simulator("spot", full_size=True, limits=FOUR_A_SECOND) as exchange,
        proxied(exchange, PATIENT) as here,
    ):
        exchange.venue.limits.weight_per_minute = WEIGHT
        symbols = symbols_of(exchange, full_or(300, 120))
        targets = [f"/api/v3/depth?symbol={symbol}&limit=5" for symbol in symbols]
        streams = {f"{symbol.lower()}@depth20@100ms" for symbol in symbols}
        for target in targets:
            here.place.truth(target)  # the model of a symbol takes a moment to be made
        with AtOnce(here.proxy.address, targets) as asked:
            began = asked.all[0].sent_at
            asked_s = asked.all[-1].sent_at - began
            answers = asked.read(for_s=20)
        answered_s = monotonic() - began
        eventually(lambda: here.place.subscribed() >= streams, within_s=10)
        all_s, connects = monotonic() - began, exchange.connects
        exchange.control_messages.clear()
        exchange.drop_connections()
        eventually(lambda: exchange.connects > connects, within_s=10)
        eventually(lambda: here.place.subscribed() >= streams, within_s=10)
        batches = batches_of(exchange)
    figure("B6", symbols=len(symbols), asked_s=asked_s, answered_s=answered_s, subscribed_s=all_s,
           connects=connects, streams_in_a_message=max(batches))  # fmt: skip
    assert [one.status for one in answers] == [200] * len(symbols)
    assert asked_s <= 1.0
    assert connects == 1  # who says more than four things a second is cut off
    assert all_s <= 5
    assert exchange.connects == 2
    assert min(batches[:-1], default=len(symbols)) >= 100


def batches_of(exchange: Simulator) -> list[int]:
    """Return how many streams each SUBSCRIBE named."""
    texts = [json.loads(text) for text in exchange.control_messages]
    return [len(one["params"]) for one in texts if one["method"] == "SUBSCRIBE"]


def symbols_of(exchange: Simulator, count: int) -> list[str]:
    listing = json.loads(exchange.reply("GET", "/api/v3/exchangeInfo").body)
    trading = [row["symbol"] for row in listing["symbols"] if row["status"] == "TRADING"]
    return [symbol for symbol in trading if symbol.isascii()][:count]


def test_a_cold_start_with_500_series_breaks_no_limit(full_exchange):
    full_exchange.step(MINUTE_MS)  # what was used before does not count any more
    full_exchange.venue.limits.weight_per_minute = 6_000
    with proxied(full_exchange, PATIENT) as here:
        targets, bots = series(full_exchange, full_or(500, 100)), Bots(here.proxy.url)
        first, began = full_exchange.connects, monotonic()
        answers = bots.ask_all(targets, at_once=4)
        asked_s, missing = monotonic() - began, set(targets)

        def all_are_streamed() -> bool:
            asked = list(missing)
            for target, answer in zip(asked, bots.ask_all(asked, at_once=4), strict=True):
                if answer.reply.headers["Data-Source"] == "websocket":
                    missing.discard(target)
            return not missing

        eventually(all_are_streamed, within_s=60)
        all_s = monotonic() - began
        connects = full_exchange.connects - first
        refusals = sum(row.status != 200 for row in full_exchange.requests)
    took_s = [one.took_s for one in answers]
    figure("500 series", series=len(targets), asked_s=asked_s, slowest_s=max(took_s),
           p99_s=percentile(took_s, 0.99), all_streamed_s=all_s, connects=connects,
           refusals=refusals)  # fmt: skip
    assert {one.status for one in answers} == {200}
    assert percentile(took_s, MOST) <= 1.0
    assert (connects, refusals) == (1, 0)


def test_a_cold_start_beyond_the_budget_is_refused_at_once_and_says_when_to_come_again(
    full_exchange,
):
    exchange, left_s = full_exchange, 30
    exchange.step(MINUTE_MS)
    exchange.venue.limits.weight_per_minute = 200  # market data may use 140 of it
    with proxied(exchange, PATIENT) as here:
        exchange.step((-left_s * 1000 - exchange.now_ms) % MINUTE_MS)
        here.place.ask("/api/v3/time")  # tells the proxy the exchange's time
        answers = Bots(here.proxy.url).ask_all(series(exchange, 100), at_once=4)
        banned = sum(row.status in (418, 429) for row in exchange.requests)
    refused = [one for one in answers if one.status == 429]
    took_s = [one.took_s for one in answers]
    figure("100 series, weight for 60", answered=len(answers) - len(refused),
           refused=len(refused), slowest_s=max(took_s), refusals=banned)  # fmt: skip
    assert {one.status for one in answers} == {200, 429}
    assert len(answers) - len(refused) >= 40
    assert {one.code for one in refused} == {-1003}
    assert all(1 <= int(one.reply.headers["Retry-After"]) <= left_s + 2 for one in refused)
    assert percentile(took_s, MOST) <= 1.0
    assert banned == 0


def series(exchange: Simulator, count: int) -> list[str]:
    intervals = ("1m", "5m", "15m", "1h", "4h")
    return [
        f"/api/v3/klines?symbol={symbol}&interval={interval}"
        for symbol in symbols_of(exchange, count // len(intervals))
        for interval in intervals
    ]


# B7


class Hasty(ThreadRuntime):
    """Time passes faster by a factor."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self.speed = speed

    def now(self) -> float:
        return monotonic() * self.speed

    def sleep(self, seconds: float) -> None:
        sleep(seconds / self.speed)


@contextmanager
def two_markets(runtime: Hasty, spot_url: str, futures_url: str) -> Iterator[tuple[Streams, ...]]:
    """Give the streams of both markets, three connections in all."""
    wire = Wire(reconnect_delay_s=0.5, max_reconnect_delay_s=LONGEST_S, alive_s=60.0)
    connects = Connects()
    both = (
        Streams(SPOT, spot_url, wire, runtime, connects),
        Streams(FUTURES, futures_url, wire, runtime, connects),
    )
    both[0].listen("", ("btcusdt@kline_1m",))
    both[1].listen("/market", ("btcusdt@kline_1m",))
    both[1].listen("/public", ("btcusdt@bookTicker",))
    try:
        yield both
    finally:
        for some in both:
            some.close()
        for thread in runtime.threads:
            thread.join(20)


MOST_CONNECTS, WINDOW_S, LONGEST_S, LIFE_S = 60, 300.0, 30.0, 1.0


def test_b7_refused_or_dropped_for_long_it_attempts_neither_too_often_nor_never():
    speed = full_or(1, 60)
    runtime, short = Hasty(speed), replace(WIDE, lifetime_s=LIFE_S / speed)
    with (
        Simulator(TinyVenue("spot"), limits=short) as spot,
        Simulator(TinyVenue("futures"), limits=short) as futures,
        FaultProxy(spot.port) as spot_door,
        FaultProxy(futures.port) as futures_door,
    ):
        doors = (spot_door, futures_door)
        for sim in (spot, futures):
            sim.faults.refuse_handshakes(Refusal(503))
        with two_markets(runtime, *(f"ws://127.0.0.1:{door.port}" for door in doors)) as both:
            pass_time(runtime, 180)
            states = {one.state for some in both for one in some.report(runtime.now())}
            refused, dropped_from = sum(door.accepted for door in doors), runtime.now()
            for sim in (spot, futures):
                sim.faults.clear()
            pass_time(runtime, 180)
            accepted, ended_at = spot.connects + futures.connects, runtime.now()
            at_doors = [[at * speed for at in door.accepted_at] for door in doors]
    attempts, measuring_s = sorted(chain(*at_doors)), 0.2 + 0.05 * speed
    most = max(among(attempts, at - WINDOW_S + measuring_s, at) for at in attempts)
    pauses = [
        (after - before, among(attempts, after - WINDOW_S - measuring_s, after))
        for at_door in at_doors
        for before, after in pairwise([*at_door, ended_at])
    ]
    # Where so many have been made that the next has to wait, a pause may be longer.
    longest_s = max(pause_s for pause_s, count in pauses if count < MOST_CONNECTS)
    figure("B7", refused=refused, accepted_and_dropped=accepted, most_in_5_min=most,
           longest_pause_s=longest_s)  # fmt: skip
    assert most <= MOST_CONNECTS
    assert longest_s <= LONGEST_S + LIFE_S + measuring_s
    assert states <= {"failing", "waiting", "connecting"}
    assert refused >= 10
    assert accepted >= 5
    assert max(attempts) > dropped_from + 60


def among(times: list[float], after: float, until: float) -> int:
    """Return how many were then."""
    return sum(after < one <= until for one in times)


def pass_time(runtime: Hasty, seconds: float) -> None:
    end = runtime.now() + seconds
    eventually(lambda: runtime.now() > end, within_s=seconds / runtime.speed + 5)


# B13


def test_b13_without_any_stream_all_is_served_by_rest():
    options = {"BPX_UPSTREAM_SPOT_WS": f"ws://{NOWHERE}", "BPX_WS_MAX_RECONNECT_DELAY": "30s"}
    began = monotonic()
    with streaming(options) as here:
        exchange, answered_s = here.exchange, None
        for target in ALL:
            reply = here.place.ask(target)
            answered_s = answered_s or monotonic() - began
            assert (reply.status_code, reply.headers["Data-Source"]) == (200, "upstream")
        worker, seconds = worker_of(here), full_or(30, 3)
        spent, since = cpu_s(worker), monotonic()
        eventually(lambda: monotonic() - since > seconds, within_s=seconds + 1)
        busy = (cpu_s(worker) - spent) / (monotonic() - since)
        exchange.pause()
        try:
            for target in ALL:
                assert here.place.ask(target).content == here.place.truth(target)
        finally:
            exchange.resume()
    figure("B13", answered_s=answered_s, cpu_share=busy)
    assert answered_s <= 5.0
    assert busy <= 0.2


def worker_of(here: Streaming) -> int:
    children = Path(f"/proc/{here.proxy.pid}/task/{here.proxy.pid}/children").read_text()
    return int(children.split()[0])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
