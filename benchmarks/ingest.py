"""What messages of streams cost: CPU of the whole worker, from the socket to the cell.

    python -m benchmarks.ingest [--seconds 4] [--rounds 5] [--per-s 2000] [--symbols 20] [--json]

A sender in a process of its own sends one kind of messages at a pace, each by itself, and nobody
asks for anything. What the worker needs for as long without messages is taken off. "all" is the
four kinds in turn at 5,000 a second, as a share of a core. Figures are medians of the rounds.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import sleep

import requests

from benchmarks.progress import show
from benchmarks.sender import Flow, Remote, sender
from benchmarks.wording import KINDS
from benchmarks.worker import Worker
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

MIXED_PER_S = 5000
SETTLE_S = 0.3  # from a change of the flow until it counts
ATTEMPTS = 3  # of a turn


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure: what is sent, and how many of it a second."""

    name: str
    flow: Flow


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement.

    Args:
        messages: that were sent.
        seconds: that it took.
        cpu_s: of the worker, in all.
        idle_cpu_s: of the worker, for as long without messages.
    """

    messages: int
    seconds: float
    cpu_s: float
    idle_cpu_s: float

    @property
    def us_per_message(self) -> float:
        """CPU microseconds that each message costs."""
        return 1e6 * (self.cpu_s - self.idle_cpu_s) / self.messages

    @property
    def share(self) -> float:
        """Part of a core that the worker needs, idle or not."""
        return self.cpu_s / self.seconds


class Scene:
    """A proxy that follows some symbols, and the sender of their messages.

    Args:
        proxy: that is measured.
        remote: the sender.
    """

    def __init__(self, proxy: Proxy, remote: Remote) -> None:
        self._proxy = proxy
        self._remote = remote
        self._worker = Worker(proxy)

    def follow(self) -> None:
        """Have everything followed, and answered from streams: feeds end that nobody asks for."""
        with ThreadPoolExecutor(8) as bots:
            eventually(lambda: all(bots.map(self._is_of_stream, self._targets())), within_s=20)

    def turn(self, flow: Flow, seconds: float) -> Turn:
        """Measure one flow, and before it what the worker needs without.

        A flow has messages of one stream of a pair alone. Then the other one seems dead, and may be
        subscribed anew: for a while nothing can be published, and the turn is taken again.
        """
        for _ in range(ATTEMPTS):
            made = self._turn(flow, seconds)
            if made is not None:
                return made
        raise AssertionError(f"not all of {flow} was published, {ATTEMPTS} times in a row")

    def _turn(self, flow: Flow, seconds: float) -> Turn | None:
        """Measure it once; None if not all of it was published."""
        self.follow()
        idle_cpu_s = self._idle_cpu_s(seconds)
        before = self._counted()
        self._remote.send(flow)
        sleep(SETTLE_S)
        number, began = self._remote.send(flow), self._worker.cpu_s()
        sleep(seconds)
        cpu_s = self._worker.cpu_s() - began
        messages = self._remote.send(flow) - number
        return Turn(messages, seconds, cpu_s, idle_cpu_s) if self._has_taken_all(before) else None

    def _idle_cpu_s(self, seconds: float) -> float:
        sleep(SETTLE_S)
        began = self._worker.cpu_s()
        sleep(seconds)
        return self._worker.cpu_s() - began

    def _has_taken_all(self, before: dict[str, float]) -> bool:
        """End the flow; return whether all of it was published. None may be bad or dropped."""
        self._remote.send(Flow())
        sleep(SETTLE_S)
        moved = {name: count - before[name] for name, count in self._counted().items()}
        assert not moved["bpx_bad_messages_total"] + moved["bpx_queue_overflows_total"], moved
        return moved["bpx_feed_lag_seconds_count"] == moved["bpx_stream_messages_total"]

    def _counted(self) -> dict[str, float]:
        text = self._proxy.page("/metrics")
        names = ("stream_messages_total", "feed_lag_seconds_count", "bad_messages_total",
                 "queue_overflows_total")  # fmt: skip
        return {f"bpx_{name}": _total(text, f"bpx_{name}") for name in names}

    def _targets(self) -> Iterator[str]:
        for symbol in self._remote.symbols:
            yield f"/api/v3/klines?symbol={symbol}&interval=1d&limit=1000"
            yield f"/api/v3/depth?symbol={symbol}&limit=20"
            yield f"/api/v3/ticker/24hr?symbol={symbol}"

    def _is_of_stream(self, target: str) -> bool:
        reply = requests.get(self._proxy.url + target, timeout=20)
        return reply.headers["Data-Source"] == "websocket"


def main() -> int:
    """Measure and print."""
    options = _options()
    cases = [Case(kind, Flow((kind,), options.per_s)) for kind in KINDS]
    cases.append(Case("all", Flow(KINDS, MIXED_PER_S)))
    with ExitStack() as stack:
        remote = stack.enter_context(sender(options.symbols))
        scene = Scene(stack.enter_context(running_proxy("spot", remote.variables)), remote)
        scene.follow()
        turns: dict[str, list[Turn]] = {case.name: [] for case in cases}
        for number in range(options.rounds):
            for case in cases:
                show(f"round {number + 1} of {options.rounds}: {case.name}")
                turns[case.name].append(scene.turn(case.flow, options.seconds))
    show("")
    rows = [_row(name, measured) for name, measured in turns.items()]
    print(json.dumps(rows, indent=2) if options.json else _table(rows))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-s", type=int, default=2000, help="messages of one kind")
    parser.add_argument("--symbols", type=int, default=20, help="each with all four kinds")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser.parse_args()


def _total(text: str, name: str) -> float:
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)))


def _row(name: str, turns: list[Turn]) -> dict[str, object]:
    return {
        "messages": name,
        "per_s": round(median(turn.messages / turn.seconds for turn in turns)),
        "us_per_message": round(median(turn.us_per_message for turn in turns), 1),
        "share_of_a_core": round(median(turn.share for turn in turns), 3),
        "idle_share": round(median(turn.idle_cpu_s / turn.seconds for turn in turns), 4),
    }


def _table(rows: list[dict[str, object]]) -> str:
    lines = [f"{'messages':12} {'per s':>6} {'us each':>8} {'of a core':>10} {'idle':>8}"]
    lines += [
        f"{row['messages']:12} {row['per_s']:6} {row['us_per_message']:8} "
        f"{row['share_of_a_core']:10.1%} {row['idle_share']:8.2%}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
