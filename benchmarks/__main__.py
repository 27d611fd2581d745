"""How fast cached answers are without the fast lane, beside an empty Flask view.

    python -m benchmarks [--seconds 0.6] [--rounds 11] [--connections 16] [--json]

Both are under the same server. Right before each endpoint the empty view is measured, and a view
that sends as many constant bytes. The figures are medians of the rounds; a ratio is the median of
the ratios of neighbours, so that a machine that slows down in the middle moves both sides.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import requests

from benchmarks.load import Load, run
from benchmarks.progress import show
from tests.proxy import Proxy, free_port, running, running_proxy
from tests.waiting import eventually

_SYMBOL = "symbol=BTCUSDT"
TARGETS = {
    "klines 10": f"/api/v3/klines?{_SYMBOL}&interval=1m&limit=10",
    "klines 500": f"/api/v3/klines?{_SYMBOL}&interval=1m&limit=500",
    "klines 1000": f"/api/v3/klines?{_SYMBOL}&interval=1m&limit=1000",
    "depth 20": f"/api/v3/depth?{_SYMBOL}&limit=20",
    "ticker/24hr": f"/api/v3/ticker/24hr?{_SYMBOL}",
    "exchangeInfo": "/api/v3/exchangeInfo",
}


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure, and what to measure it against.

    Args:
        name: for the table.
        target: path and query at the proxy.
        size: of its answer, in bytes.
    """

    name: str
    target: str
    size: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement of a case, between its references."""

    empty: Load
    constant: Load
    cached: Load


def main() -> int:
    """Measure and print."""
    options = _options()
    with _servers() as (proxy, reference, cases):
        turns: dict[str, list[Turn]] = {case.name: [] for case in cases}
        for number in range(options.rounds):
            for case in cases:
                show(f"round {number + 1} of {options.rounds}: {case.name}")

                def measure(address: tuple[str, int], target: str) -> Load:
                    return run(address, target, options.connections, options.seconds)

                empty = measure(reference.address, "/empty")
                constant = measure(reference.address, f"/bytes/{case.size}")
                cached = measure(proxy.address, case.target)
                turns[case.name].append(Turn(empty, constant, cached))
    show("")
    rows = [_row(name, measured) for name, measured in turns.items()]
    print(json.dumps(rows, indent=2) if options.json else _table(rows))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser.parse_args()


@contextmanager
def _servers() -> Iterator[tuple[Proxy, Proxy, list[Case]]]:
    """Start an exchange, the proxy in front of it and the reference; warm every answer."""
    with ExitStack() as stack:
        options = stack.enter_context(exchange()) | {"BPX_SERVER_FAST_LANE": "false"}
        proxy = stack.enter_context(running_proxy("spot", options))
        reference = stack.enter_context(running_proxy("benchmarks.reference:app"))
        yield (
            proxy,
            reference,
            [Case(name, target, warm(proxy.url + target)) for name, target in TARGETS.items()],
        )


@contextmanager
def exchange(*flags: str) -> Iterator[dict[str, str]]:
    """Start a simulated exchange in a process of its own; yield the variables that name it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        log_path = Path(directory) / "log"
        command = [sys.executable, "-m", "bpx", "simulate", f"--spot-port={port}"]
        with running([*command, "--futures-port=0", *flags], {}, log_path):
            eventually(lambda: _answers(f"http://127.0.0.1:{port}/api/v3/ping"), within_s=20)
            yield {
                "BPX_UPSTREAM_SPOT_REST": f"http://127.0.0.1:{port}",
                "BPX_UPSTREAM_SPOT_WS": f"ws://127.0.0.1:{port}",
            }


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


def warm(url: str, headers: Mapping[str, str] | None = None) -> int:
    """Ask until the answer comes from a cache; return its size."""
    size = 0

    def is_cached() -> bool:
        nonlocal size
        reply = requests.get(
            url, headers={"Accept-Encoding": "identity", **(headers or {})}, timeout=10
        )
        size = len(reply.content)
        return reply.headers["Data-Source"] in ("websocket", "cache")

    eventually(is_cached, within_s=20)
    return size


def _row(name: str, turns: list[Turn]) -> dict[str, object]:
    sources = {source for turn in turns for source in turn.cached.sources}
    return {
        "endpoint": name,
        "requests_per_s": round(median(turn.cached.requests_per_s for turn in turns)),
        "p50_ms": round(median(turn.cached.p50_ms for turn in turns), 2),
        "p99_ms": round(median(turn.cached.p99_ms for turn in turns), 2),
        "bytes": turns[-1].cached.bytes,
        "sources": sorted(sources),
        "empty_view_requests_per_s": round(median(turn.empty.requests_per_s for turn in turns)),
        "ratio_to_empty_view": _ratio(turns, lambda turn: turn.empty),
        "ratio_to_constant_bytes": _ratio(turns, lambda turn: turn.constant),
    }


def _ratio(turns: list[Turn], reference: Callable[[Turn], Load]) -> float:
    ratios = [turn.cached.requests_per_s / reference(turn).requests_per_s for turn in turns]
    return round(median(ratios), 2)


def _table(rows: list[dict[str, object]]) -> str:
    columns = {
        "endpoint": "cached answer",
        "requests_per_s": "req/s",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "bytes": "bytes",
        "empty_view_requests_per_s": "empty view",
        "ratio_to_empty_view": "ratio",
        "ratio_to_constant_bytes": "to same bytes",
        "sources": "from",
    }
    texts = [[*columns.values()]]
    for row in rows:
        texts.append([*(str(row[name]) for name in columns if name != "sources"), ""])
        texts[-1][-1] = ", ".join(row["sources"])  # type: ignore[call-overload]
    widths = [max(len(text[at]) for text in texts) for at in range(len(columns))]
    return "\n".join(
        "  ".join(f"{cell:{'<' if at == 0 else '>'}{widths[at]}}" for at, cell in enumerate(text))
        for text in texts
    )


if __name__ == "__main__":
    sys.exit(main())
