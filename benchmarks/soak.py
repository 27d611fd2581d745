"""A soak: mixed load for hours, and a fault every few minutes.

    python -m benchmarks.soak [--minutes 120] [--every 180] [--json]

Bots ask for market data over kept and new connections, have requests forwarded, and place orders.
The exchange behind drops streams, refuses them, falls silent, fails, is slow, and limits. At the
end: how much was answered, whether an order went out twice, and whether memory, tasks or open files
have grown from the second quarter of the time to the last. The exit code is 1 if less than 99.9 %
of market data was answered well within two seconds, or anything else is not as it should be.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median
from threading import Event
from time import monotonic

import requests
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bpx.simulator.faults import Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.faults.life import Life, living

WANTED = 0.999  # of market data
DATA_WITHIN_S = 2.0
FAULT_S = 20.0
LOOK_S = 5.0
GROWTH = {"resident_mb": 6.0, "tasks": 10.0, "files": 10.0}  # that is none
DATA = (
    "/api/v3/depth?symbol=BTCUSDT&limit=20",
    "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000",
    "/api/v3/klines?symbol=ETHUSDT&interval=5m&limit=500",
    "/api/v3/ticker/24hr?symbol=ETHUSDT",
    "/api/v3/exchangeInfo?symbol=BTCUSDT",
)
FORWARDED = (
    "/api/v3/time",
    "/api/v3/avgPrice?symbol=BTCUSDT",
    "/api/v3/trades?symbol=ETHUSDT&limit=5",
)
LIMITED = b'{"code":-1003,"msg":"Too many requests."}'
REFUSALS = (418, 429, 503)  # that a bot expects, and that come at once


@dataclass
class Tally:
    """What has become of the requests of one sort.

    Args:
        counts: `good`, `refused` (with the time to wait, where there is one) or `bad`.
        worst: what was bad, and how often.
    """

    counts: Counter[str] = field(default_factory=Counter)
    worst: Counter[str] = field(default_factory=Counter)

    def share(self, *kinds: str) -> float:
        """Return which part of all were of these kinds."""
        return sum(self.counts[kind] for kind in kinds) / max(1, self.counts.total())


class Bots:
    """Bots of several sorts, each of which asks at a pace.

    Args:
        url: of the proxy.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._ended = Event()
        self.tallies = {name: Tally() for name in ("data", "data, each new", "forwarded", "orders")}

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Have all of them ask."""
        loops: list[Callable[[], None]] = [
            *[lambda: self._ask("data", DATA, 0.02)] * 2,
            lambda: self._ask("data, each new", DATA, 0.1, is_new=True),
            lambda: self._ask("forwarded", FORWARDED, 0.3),
            self._order,
        ]
        with ThreadPoolExecutor(len(loops)) as pool:
            running = [pool.submit(loop) for loop in loops]
            try:
                yield
            finally:
                self._ended.set()
            for one in running:
                one.result()

    def _ask(self, sort: str, targets: Sequence[str], pause_s: float, is_new: bool = False) -> None:
        session = requests.Session()
        for target in cycle(targets):
            if self._ended.wait(pause_s):
                return
            if is_new:
                session = requests.Session()
            self._count(sort, lambda one=session, two=target: one.get(self._url + two, timeout=15))

    def _order(self) -> None:
        session, number = requests.Session(), 0
        while not self._ended.wait(0.5):
            number += 1
            target = (
                f"{self._url}/api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"
                f"&newClientOrderId=soak{number}&timestamp=1&signature=ab"
            )
            self._count("orders", lambda to=target: session.post(to, timeout=20))

    def _count(self, sort: str, ask: Callable[[], requests.Response]) -> None:
        tally, began = self.tallies[sort], monotonic()
        try:
            status = ask().status_code
        except requests.RequestException as error:
            kind, what = "bad", type(error).__name__
        else:
            is_slow = sort.startswith("data") and monotonic() - began > DATA_WITHIN_S
            is_good = status < 400 or (sort == "orders" and status in (400, 401))  # Binance's word
            what = f"{status}{', late' if is_slow else ''}"
            kind = "good" if is_good and not is_slow else "bad"
            if status in REFUSALS or (sort == "orders" and status == 504):
                kind = "refused"
        tally.counts[kind] += 1
        if kind != "good":
            tally.worst[what] += 1


def faults(exchange: Simulator) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield faults for ever, by name."""
    on = exchange.faults
    limits = RestFault(status=429, headers={"Retry-After": "5"}, body=LIMITED)

    def refuse_streams() -> None:
        on.refuse_handshakes(Refusal(503))
        exchange.drop_connections()

    return cycle(
        [
            ("streams are cut", exchange.drop_connections),
            ("streams are refused", refuse_streams),
            ("REST fails", lambda: on.break_rest(RestFault(status=503))),
            ("streams announce their end", exchange.shutdown_notice),
            ("REST is slow", lambda: on.break_rest(RestFault(delay_s=1.0))),
            ("streams are silent", lambda: on.silence("*")),
            ("REST limits", lambda: on.break_rest(limits, 3)),
            ("streams are a black hole", on.black_hole),
        ]
    )


@dataclass
class Course:
    """How a value has been over the time."""

    values: list[float] = field(default_factory=list)

    def grown(self) -> float:
        """Return by how much it is more in the last quarter than in the second."""
        quarter = max(1, len(self.values) // 4)
        return median(self.values[-quarter:]) - median(self.values[quarter : 2 * quarter])


def main() -> int:
    """Run it, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--every", type=float, default=180.0, help="seconds from fault to fault")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    with living({"BPX_FEAT_ENABLE_MEMORY_MONITORING": "true"}) as life:
        bots = Bots(life.proxy.url)
        with bots.asking():
            courses, count = _soaked(life, options.minutes * 60, options.every)
        twice = _twice(life)
    facts = _facts(bots, courses, count, twice)
    print(json.dumps(facts, indent=2)) if options.json else _print(facts)
    return 0 if facts["is_well"] else 1


def _soaked(life: Life, seconds: float, every_s: float) -> tuple[dict[str, Course], int]:
    """Let faults come and go; return how values have been, and how many faults there were."""
    courses = {name: Course() for name in GROWTH}
    began, count, mend_at, fault_at = monotonic(), 0, 0.0, monotonic() + every_s / 2
    coming = faults(life.exchange)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("soaking", total=seconds)
        while (now := monotonic()) < began + seconds:
            if mend_at and now >= mend_at:
                life.exchange.faults.clear()
                mend_at = 0.0
            if now >= fault_at:
                name, begin = next(coming)
                progress.update(task, description=name)
                begin()
                count, mend_at, fault_at = count + 1, now + min(FAULT_S, every_s / 2), now + every_s
            _look(life, courses)
            progress.update(task, completed=now - began)
            Event().wait(LOOK_S)
    life.exchange.faults.clear()
    return courses, count


def _look(life: Life, courses: dict[str, Course]) -> None:
    worker = life.worker()
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    courses["resident_mb"].values.append(pages * 4096 / 2**20)
    courses["files"].values.append(len(list(Path(f"/proc/{worker}/fd").iterdir())))
    for line in life.proxy.page("/metrics").splitlines():
        if line.startswith("bpx_tasks "):
            courses["tasks"].values.append(float(line.split()[1]))


def _twice(life: Life) -> int:
    """Return how many of the newest orders have reached the exchange more than once."""
    return sum(number > 1 for number in Counter(life.delivered()).values())


def _facts(
    bots: Bots, courses: dict[str, Course], faults_met: int, twice: int
) -> dict[str, object]:
    grown = {name: round(course.grown(), 2) for name, course in courses.items()}
    data = Tally(bots.tallies["data"].counts + bots.tallies["data, each new"].counts)
    available = data.share("good")
    return {
        "available": round(available, 6),
        "faults": faults_met,
        "requests": {name: dict(tally.counts) for name, tally in bots.tallies.items()},
        "not_good": {name: dict(tally.worst) for name, tally in bots.tallies.items()},
        "orders_twice": twice,
        "grown": grown,
        "is_well": available >= WANTED
        and not twice
        and all(grown[name] <= most for name, most in GROWTH.items())
        and not bots.tallies["forwarded"].counts["bad"]
        and not bots.tallies["orders"].counts["bad"],
    }


def _print(facts: dict[str, object]) -> None:
    table = Table(title="Soak", title_justify="left", show_header=False)
    for name, fact in facts.items():
        table.add_row(name.replace("_", " "), f"{fact:.4%}" if name == "available" else str(fact))
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
