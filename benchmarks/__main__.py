"""How fast cached answers are, beside an empty Flask view under the same server.

    python -m benchmarks [--seconds 2] [--rounds 5] [--connections 16] [--json]

Each round measures the reference and every endpoint in turn; the figures are medians of the
rounds, and the ratio is the median of each round's own, so that a machine that slows down in
the middle moves both sides.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

import requests

from benchmarks.load import Load, run
from bpx.simulator.simulator import Simulator
from tests.proxy import running_proxy
from tests.waiting import eventually

EMPTY = "empty Flask view"


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure.

    Args:
        name: for the table.
        address: host and port.
        target: path and query.
    """

    name: str
    address: tuple[str, int]
    target: str


def main() -> int:
    """Measure and print."""
    options = _options()
    with ExitStack() as stack:
        cases = stack.enter_context(_cases())
        loads: dict[str, list[Load]] = {case.name: [] for case in cases}
        for turn in range(options.rounds):
            for case in cases:
                print(
                    f"\rround {turn + 1}/{options.rounds}: {case.name:40}", end="", file=sys.stderr
                )
                loads[case.name].append(
                    run(case.address, case.target, options.connections, options.seconds)
                )
    print("\r" + " " * 70 + "\r", end="", file=sys.stderr)
    rows = [_row(name, runs, loads) for name, runs in loads.items()]
    print(json.dumps(rows, indent=2) if options.json else _table(rows))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser.parse_args()


@contextmanager
def _cases() -> Iterator[list[Case]]:
    """Start an exchange, the proxy in front of it and the reference; warm every answer."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Simulator("spot"))
        env = {
            "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        }
        proxy = stack.enter_context(running_proxy("spot", env))
        reference = stack.enter_context(running_proxy("benchmarks.reference:app"))
        symbol = "symbol=BTCUSDT"
        targets = {
            **{
                f"klines {limit}": f"/api/v3/klines?{symbol}&interval=1m&limit={limit}"
                for limit in (1000, 500, 10)
            },
            "depth 20": f"/api/v3/depth?{symbol}&limit=20",
            "ticker/24hr": f"/api/v3/ticker/24hr?{symbol}",
            "exchangeInfo": "/api/v3/exchangeInfo",
        }
        cases = [Case(name, proxy.address, target) for name, target in targets.items()]
        same_size = []
        for case in cases:
            size = _warm(proxy.url + case.target)
            same_size.append(Case(f"  {size} constant bytes", reference.address, f"/bytes/{size}"))
        mixed = [case for pair in zip(cases, same_size, strict=True) for case in pair]
        yield [Case(EMPTY, reference.address, "/empty"), *mixed]


def _warm(url: str) -> int:
    """Ask until the answer comes from a cache; return its size."""
    size = 0

    def is_cached() -> bool:
        nonlocal size
        reply = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)
        size = len(reply.content)
        return reply.headers["Data-Source"] in ("websocket", "cache")

    eventually(is_cached, within_s=20)
    return size


def _row(name: str, runs: list[Load], loads: dict[str, list[Load]]) -> dict[str, object]:
    ratios = [
        run.requests_per_s / empty.requests_per_s
        for run, empty in zip(runs, loads[EMPTY], strict=True)
    ]
    sources: dict[str, int] = {}
    for load in runs:
        for source, count in load.sources.items():
            sources[source] = sources.get(source, 0) + count
    return {
        "name": name,
        "requests_per_s": round(median(run.requests_per_s for run in runs)),
        "p50_ms": round(median(run.p50_ms for run in runs), 2),
        "p99_ms": round(median(run.p99_ms for run in runs), 2),
        "body_bytes": runs[-1].bytes,
        "ratio": round(median(ratios), 2),
        "sources": sources,
    }


def _table(rows: list[dict[str, object]]) -> str:
    lines = [f"{'':28}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'bytes':>9}{'ratio':>7}  source"]
    for row in rows:
        sources = ", ".join(f"{name or '-'}" for name in row["sources"])  # type: ignore[attr-defined]
        lines.append(
            f"{row['name']:28}{row['requests_per_s']:>8}{row['p50_ms']:>9}{row['p99_ms']:>9}"
            f"{row['body_bytes']:>9}{row['ratio']:>7}  {sources}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
