"""What counting and logging cost: cached answers with all of it, beside a proxy without any.

    python -m benchmarks.cost [--seconds 0.6] [--rounds 15] [--connections 16]

Neighbouring measurements are compared, and the median of their ratios is told. "With" has the
operators' port open, structured log lines at info level, and `/metrics` read every five seconds,
three times as often as Prometheus does by default.
"""

import argparse
import sys
from contextlib import ExitStack
from statistics import median
from threading import Event, Thread

import requests

from benchmarks.__main__ import TARGETS, exchange, warm
from benchmarks.load import run
from tests.proxy import Proxy, running_proxy

SCRAPE_S = 5.0
WITH = {"BPX_LOG_LEVEL": "info", "BPX_LOG_FORMAT": "json"}
WITHOUT = {"BPX_LOG_LEVEL": "error", "BPX_FEAT_ENABLE_METRICS": "false"}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with ExitStack() as stack:
        urls = stack.enter_context(exchange())
        bare = stack.enter_context(running_proxy("benchmarks.bare:spot", urls | WITHOUT))
        full = stack.enter_context(running_proxy("spot", urls | WITH))
        over = Event()
        scraper = Thread(target=_scrape, args=(full, over))
        stack.callback(scraper.join)
        stack.callback(over.set)
        scraper.start()
        print(f"{'cached answer':14} {'without':>8} {'with':>8}   ratio")
        for name, target in TARGETS.items():
            for proxy in (bare, full):
                warm(proxy.url + target)
            pairs = []
            for number in range(options.rounds):
                found = {}
                for proxy in (bare, full) if number % 2 else (full, bare):
                    took = run(proxy.address, target, options.connections, options.seconds)
                    found[proxy.url] = took.requests_per_s
                pairs.append((found[bare.url], found[full.url]))
            without, with_all = (round(median(side)) for side in zip(*pairs, strict=True))
            ratio = median(after / before for before, after in pairs)
            print(f"{name:14} {without:8,} {with_all:8,}   {ratio:.3f}", flush=True)


def _scrape(proxy: Proxy, over: Event) -> None:
    while not over.wait(SCRAPE_S):
        requests.get(f"{proxy.operators_url}/metrics", timeout=5)


if __name__ == "__main__":
    sys.exit(main())
