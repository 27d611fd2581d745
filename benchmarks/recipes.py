"""What the recipes of the original's README for tuning give, beside the defaults.

    python -m benchmarks.recipes [--seconds 75] [--per-s 100] [--full-size]

Each runs a worker of both markets against a simulated exchange, with the recipe's variables as
written, and one bot that asks for 120 things of the spot market in turn. `/memory` is opened on
top, to read the figures.
"""

import argparse
from itertools import cycle, islice
from statistics import quantiles
from time import perf_counter, sleep
from typing import Any

import requests

from bpx.simulator.simulator import Simulator
from tests.proxy import Proxy, running_proxy

RECIPES: dict[str, dict[str, str]] = {
    "defaults": {},
    "high traffic": {
        "BPX_RATE_SPOT_RPS": "50",
        "BPX_RATE_FUTURES_RPS": "100",
        "BPX_RATE_BURST_MULTIPLIER": "3",
        "BPX_MEM_ENABLE_OPTIMIZATION": "true",
        "BPX_MEM_MAX_MEMORY_MB": "1024",
        "BPX_MEM_POOL_SIZE": "500",
        "BPX_MEM_BUFFER_SIZE": "8192",
    },
    "low memory": {
        "BPX_MEM_MAX_MEMORY_MB": "128",
        "BPX_MEM_GC_TARGET_PERCENT": "60",
        "BPX_MEM_POOL_SIZE": "50",
        "BPX_MEM_BUFFER_SIZE": "2048",
        "GOGC": "50",  # Go's; here it is nobody's
    },
    "high availability": {
        "BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true",
        "BPX_RECOVERY_MAX_RETRIES": "10",
        "BPX_RECOVERY_FAILURE_THRESHOLD": "15",
        "BPX_RECOVERY_MAX_DELAY": "600s",
        "BPX_FEAT_ENABLE_METRICS": "true",
        "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
        "BPX_LOG_LEVEL": "info",
        "BPX_LOG_FORMAT": "json",
    },
}
INTERVALS = ("1m", "5m", "1h", "1d")
MB = 2**20


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=75.0, help="of each recipe")
    parser.add_argument("--per-s", type=float, default=100.0, help="requests a second")
    parser.add_argument("--full-size", action="store_true", help="exchangeInfo as large as today's")
    options = parser.parse_args()
    size = {"full_size": options.full_size}
    print("| recipe | resident | peak | cached | followed | from caches | p50 | p99 | collector |")
    print("|---|---|---|---|---|---|---|---|---|")
    with Simulator("spot", **size) as spot, Simulator("futures", **size) as futures:
        exchange = {
            "BPX_UPSTREAM_SPOT_REST": spot.rest_url,
            "BPX_UPSTREAM_SPOT_WS": spot.ws_url,
            "BPX_UPSTREAM_FUTURES_REST": futures.rest_url,
            "BPX_UPSTREAM_FUTURES_WS": futures.ws_url,
            "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
        }
        for name, recipe in RECIPES.items():
            with running_proxy("both", exchange | recipe) as proxy:
                print(_measured(name, proxy, options.seconds, 1 / options.per_s), flush=True)


def _measured(name: str, proxy: Proxy, seconds: float, pause_s: float) -> str:
    took_ms: list[float] = []
    cached = 0
    until = perf_counter() + seconds
    with requests.Session() as bot:
        targets = _targets(bot.get(f"{proxy.url}/api/v3/exchangeInfo", timeout=20).json())
        for target in cycle(targets):
            began = perf_counter()
            if began >= until:
                break
            reply = bot.get(proxy.url + target, timeout=20)
            took_ms.append(1000 * (perf_counter() - began))
            cached += reply.headers["Data-Source"] in ("websocket", "cache")
            sleep(pause_s)
    return _row(name, _memory(proxy), took_ms, cached)


def _targets(listing: Any) -> list[str]:
    symbols = [row["symbol"] for row in listing["symbols"] if row["status"] == "TRADING"]
    chosen = list(islice(cycle(symbols), 20))
    return [
        *(
            f"/api/v3/klines?symbol={symbol}&interval={interval}&limit=500"
            for symbol in chosen
            for interval in INTERVALS
        ),
        *(f"/api/v3/depth?symbol={symbol}&limit=20" for symbol in chosen),
        *(f"/api/v3/ticker/24hr?symbol={symbol}" for symbol in chosen),
    ]


def _memory(proxy: Proxy) -> Any:
    return requests.get(f"{proxy.operators_url}/memory", timeout=20).json()


def _row(name: str, page: Any, took_ms: list[float], cached: int) -> str:
    process, collector = page["process"], page["collector"]
    held = [one for market in page["caches"].values() for one in market.values()]
    spot = page["caches"]["spot"]
    followed = sum(spot[kind]["number"] for kind in ("klines", "depth", "tickers"))
    cuts = quantiles(took_ms, n=100)
    thresholds = "/".join(str(row["threshold"]) for row in collector["generations"])
    looks = "/".join(str(row["collections"]) for row in collector["generations"])
    cells = [
        name,
        f"{process['resident_bytes'] / MB:.0f} MB",
        f"{process['peak_bytes'] / MB:.0f} MB",
        f"{sum(one['size_bytes'] for one in held) / MB:.1f} MB",
        str(followed),
        f"{cached / len(took_ms):.1%}",
        f"{cuts[49]:.2f} ms",
        f"{cuts[98]:.1f} ms",
        f"{thresholds}; looked {looks} times; {collector['frozen']} frozen",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
