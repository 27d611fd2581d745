"""F12: whatever goes wrong for however long, nothing piles up."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
import requests

from bpx.simulator.faults import Ending, RestFault
from tests.faults.figures import figure
from tests.faults.life import DEPTH, ORDER, TICKER, Life, is_gone, living
from tests.faults.readers import READS_PER_S, Readers
from tests.faults.scale import full_or
from tests.waiting import eventually

SOAK_S = full_or(600, 4)
FAULT_S = full_or(5, 1)  # one fault after the other, for so long
BOTS = 4
MOST_THREADS = 14  # the worker's own, 3 that compute and 10 that look up names: begun when needed
MORE_THREADS = 5  # of those, after it has grown warm
KLINES = "/api/v3/klines?symbol=BNBUSDT&interval=1m&limit=50"
READS = (DEPTH, TICKER, KLINES, "/api/v3/time", "/api/v3/exchangeInfo?symbol=BTCUSDT",
         "/api/v3/klines?symbol=NOSUCH&interval=1m")  # fmt: skip
REFUSALS = (400, 429, 500, 502, 503, 504)  # our own, and what the exchange was made to say
QUICK = {
    "BPX_WS_RECONNECT_DELAY": "20ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "200ms",
    "BPX_WS_MAX_RECONNECTS": "1000",
    "BPX_RECOVERY_BASE_DELAY": "50ms",
}


@dataclass(frozen=True)
class Weight:
    """What a worker has of everything, when nothing is under way."""

    files: int
    threads: int
    tasks: int
    memory_mb: float


def weigh(life: Life) -> Weight:
    """Count what a worker has."""
    worker = life.worker()
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines()
    )
    return Weight(
        files=len(os.listdir(f"/proc/{worker}/fd")),
        threads=int(status["Threads"]),
        tasks=life.operators("/health").json()["tasks"],
        memory_mb=int(status["VmRSS"].split()[0]) / 1024,
    )


def faults(life: Life) -> Iterator[Callable[[], None]]:
    """Yield one thing after the other that goes wrong."""
    exchange = life.exchange

    def break_rest(fault: RestFault) -> Callable[[], None]:
        return lambda: exchange.faults.break_rest(fault)

    yield from cycle([
        lambda: exchange.drop_connections(1001),
        break_rest(RestFault(status=503)),
        break_rest(RestFault(ending=Ending.CLOSE)),
        exchange.drop_connections,
        break_rest(RestFault(delay_s=0.2)),
        break_rest(RestFault(ending=Ending.HALF)),
    ])  # fmt: skip


@contextmanager
def load(life: Life) -> Iterator[list[int]]:
    """Let rude bots ask, order, and hang up in the middle; yield how many requests they made."""
    ended, made = Event(), [0] * BOTS

    def ask(number: int) -> None:
        for target in cycle(READS):
            if ended.wait(0.02):
                return
            made[number] += 1
            with suppress(requests.RequestException), requests.Session() as bot:
                bot.get(life.proxy.url + target, timeout=0.1 if made[number] % 10 == 0 else 10)
                if made[number] % 8 == 0:
                    bot.post(f"{life.proxy.url}{ORDER}&newClientOrderId=n", timeout=5)

    with ThreadPoolExecutor(BOTS) as pool:
        for number in range(BOTS):
            pool.submit(ask, number)
        yield made
        ended.set()


def soak(life: Life, seconds: float) -> int:
    """Let things go wrong for so long, and then well again; return how much was asked.

    Nobody may be without an answer: a worker that is replaced leaves some so.
    """
    until = monotonic() + seconds
    with load(life) as made, Readers(life.proxy.address, READS, READS_PER_S) as readers:
        for fault in faults(life):
            if monotonic() >= until:
                break
            fault()
            Event().wait(FAULT_S)
            life.exchange.faults.clear()
    life.follow(DEPTH, TICKER, KLINES)
    assert [one for one in readers.failed() if one.status not in REFUSALS] == []
    return sum(made) + len(readers.got)


@pytest.mark.timeout(900)
def test_f12_nothing_piles_up() -> None:
    with living(QUICK) as life:
        worker = life.worker()
        soak(life, SOAK_S / 3)  # to grow warm
        before = weigh(life)
        asked = soak(life, SOAK_S)
        eventually(lambda: weigh(life).tasks <= before.tasks + 3, within_s=20)
        eventually(lambda: weigh(life).files <= before.files + 5, within_s=20)
        after = weigh(life)
        figure(
            "F12",
            requests=asked,
            seconds=SOAK_S,
            files=f"{before.files} -> {after.files}",
            threads=f"{before.threads} -> {after.threads}",
            tasks=f"{before.tasks} -> {after.tasks}",
            memory_mb=f"{before.memory_mb:.1f} -> {after.memory_mb:.1f}",
        )
        assert asked >= full_or(READS_PER_S, READS_PER_S // 4) * SOAK_S
        assert life.workers() == [worker]
        assert after.threads <= min(MOST_THREADS, before.threads + MORE_THREADS)
        # Long enough, the row's five per cent; what is short still grows warm.
        assert after.memory_mb <= before.memory_mb * full_or(105, 115) / 100
        life.stop()
        eventually(lambda: is_gone(life.proxy.pid), within_s=20)
        # Nor does a client's greenlet, which is no task: then requests would be unfinished.
        assert "unfinished" not in life.proxy.log(), "no task outlives the application"
