"""What counting and logging cost: cached answers with all of it, beside a proxy without any.

    python -m benchmarks.cost [--seconds 0.6] [--rounds 15] [--connections 16]

Neighbouring measurements are compared, and the median of their ratios is told. "With" has the
operators' port open, structured log lines at info level, and `/metrics` read every five seconds,
three times as often as Prometheus does by default.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from statistics import median
from threading import Event, Thread
from typing import Any

import requests
from rich.console import Console
from rich.progress import track

from benchmarks.__main__ import TARGETS, exchange, warm
from benchmarks.load import run
from tests.proxy import Proxy, running_proxy

SCRAPE_S = 5.0
WITH = {"BPX_SERVER_FAST_LANE": "false", "BPX_LOG_LEVEL": "info", "BPX_LOG_FORMAT": "json"}
WITHOUT = {
    "BPX_SERVER_FAST_LANE": "false",
    "BPX_LOG_LEVEL": "error",
    "BPX_FEAT_ENABLE_METRICS": "false",
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    rows = _measured(options.rounds, options.connections, options.seconds)
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'cached answer':14} {'without':>8} {'with':>8}   ratio")
    for name, without, with_all, ratio in (row.values() for row in rows):
        print(f"{name:14} {without:8,} {with_all:8,}   {ratio:.3f}")


def _measured(rounds: int, connections: int, seconds: float) -> list[dict[str, Any]]:
    rows = []
    with ExitStack() as stack:
        urls = stack.enter_context(exchange())
        bare = stack.enter_context(running_proxy("benchmarks.bare:spot", urls | WITHOUT))
        full = stack.enter_context(running_proxy("spot", urls | WITH))
        over = Event()
        scraper = Thread(target=_scrape, args=(full, over))
        stack.callback(scraper.join)
        stack.callback(over.set)
        scraper.start()
        for name, target in track(TARGETS.items(), "measuring", console=Console(stderr=True)):
            for proxy in (bare, full):
                warm(proxy.url + target)
            pairs = []
            for number in range(rounds):
                found = {}
                for proxy in (bare, full) if number % 2 else (full, bare):
                    took = run(proxy.address, target, connections, seconds)
                    found[proxy.url] = took.requests_per_s
                pairs.append((found[bare.url], found[full.url]))
            without, with_all = (round(median(side)) for side in zip(*pairs, strict=True))
            rows.append(
                {
                    "answer": name,
                    "without_requests_per_s": without,
                    "with_requests_per_s": with_all,
                    "ratio": round(median(after / before for before, after in pairs), 3),
                }
            )
    return rows


def _scrape(proxy: Proxy, over: Event) -> None:
    while not over.wait(SCRAPE_S):
        requests.get(f"{proxy.operators_url}/metrics", timeout=5)


if __name__ == "__main__":
    sys.exit(main())
