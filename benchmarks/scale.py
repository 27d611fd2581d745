"""What following many series needs: memory and idle CPU, by how many rows are kept.

    python -m benchmarks.scale [--series 0,100,300,1000,3000] [--rows 1000] [--seconds 10]
                               [--json] [--plot docs/scale.png]

Each number of series is measured in a proxy of its own, which has been asked for each of them once;
then nobody asks and nothing is sent. The bytes of a row are the slope of the straight line that
fits best, and R2 tells how straight the growth is.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from statistics import correlation, linear_regression
from time import sleep

import requests

from benchmarks.progress import show
from benchmarks.sender import Remote, sender
from benchmarks.worker import MB, Memory, Worker
from tests.proxy import Proxy, running_proxy

# Not those that are idle before all are loaded, nor those whose months and weeks are irregular.
INTERVALS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d")
SYMBOLS = 300
BOTS = 4
SETTLE_S = 3.0  # until what loading needed is given back
OPTIONS = {
    "BPX_MEM_MAX_MEMORY_MB": "8192",  # by default there is not room for all
    "BPX_WS_HEALTH_CHECK_INTERVAL": "1h",  # what was asked for just now is looked after: not idle
}


@dataclass(frozen=True, slots=True)
class Load:
    """What so many series need.

    Args:
        series, rows: that were loaded.
        memory: of the worker, with them.
        idle_share: part of a core that it needs while nothing happens.
    """

    series: int
    rows: int
    memory: Memory
    idle_share: float


@dataclass(frozen=True, slots=True)
class Growth:
    """The straight line that fits best.

    Args:
        row_bytes: its slope.
        none_bytes: where it begins.
        r2: how much of the differences it explains; 1 if all.
    """

    row_bytes: float
    none_bytes: float
    r2: float


def main() -> int:
    """Measure and print."""
    options = _options()
    with sender(SYMBOLS) as remote:
        loads = [
            _measured(remote, series, options.rows, options.seconds) for series in options.series
        ]
    show("")
    growth = {name: _growth(loads, name) for name in ("rss_bytes", "pss_bytes")}
    if options.plot:
        _plot(loads, growth["rss_bytes"], options.plot)
    print(_json(loads, growth) if options.json else _table(loads, growth))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--series", type=_numbers, default="0,100,300,1000,3000")
    parser.add_argument("--rows", type=int, default=1000, help="of each series")
    parser.add_argument("--seconds", type=float, default=10.0, help="of measuring idle CPU")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.add_argument("--plot", type=Path, help="write a PNG of it")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _measured(remote: Remote, series: int, rows: int, seconds: float) -> Load:
    with running_proxy("spot", remote.variables | OPTIONS) as proxy:
        loaded = _loaded(proxy, remote, series, rows)
        show(f"{series} series: idle")
        sleep(SETTLE_S)
        worker = Worker(proxy)
        began = worker.cpu_s()
        sleep(seconds)
        return Load(series, loaded, worker.memory(), (worker.cpu_s() - began) / seconds)


def _loaded(proxy: Proxy, remote: Remote, series: int, rows: int) -> int:
    """Ask for each series once; return how many rows that were."""
    keys = list(islice(product(remote.symbols, INTERVALS), series))
    assert len(keys) == series, "there are not that many"
    total = 0
    with ThreadPoolExecutor(BOTS) as bots, requests.Session() as session:

        def ask(key: tuple[str, str]) -> int:
            symbol, interval = key
            query = f"symbol={symbol}&interval={interval}&limit={rows}"
            reply = session.get(f"{proxy.url}/api/v3/klines?{query}", timeout=60)
            assert reply.headers["Data-Source"] in ("websocket", "upstream"), reply.headers
            return reply.content.count(b"],[") + 1

        for number, count in enumerate(bots.map(ask, keys)):
            total += count
            show(f"{series} series: {number + 1} loaded")
    return total


def _growth(loads: Sequence[Load], name: str) -> Growth:
    rows = [float(load.rows) for load in loads]
    sizes = [float(getattr(load.memory, name)) for load in loads]
    row_bytes, none_bytes = linear_regression(rows, sizes)
    return Growth(row_bytes, none_bytes, correlation(rows, sizes) ** 2)


def _json(loads: Sequence[Load], growth: dict[str, Growth]) -> str:
    rows = [
        {
            "series": load.series,
            "rows": load.rows,
            "rss_bytes": load.memory.rss_bytes,
            "pss_bytes": load.memory.pss_bytes,
            "idle_share": round(load.idle_share, 4),
        }
        for load in loads
    ]
    lines = {
        name: {"row_bytes": round(line.row_bytes, 1), "none_bytes": round(line.none_bytes),
               "r2": round(line.r2, 5)}
        for name, line in growth.items()
    }  # fmt: skip
    return json.dumps({"loads": rows, "growth": lines}, indent=2)


def _table(loads: Sequence[Load], growth: dict[str, Growth]) -> str:
    return "\n".join(_lines(loads, growth))


def _lines(loads: Sequence[Load], growth: dict[str, Growth]) -> Iterator[str]:
    yield f"{'series':>6} {'rows':>9} {'RSS MB':>8} {'PSS MB':>8} {'a row':>7} {'idle':>7}"
    none_bytes = growth["rss_bytes"].none_bytes
    for load in loads:
        memory = load.memory
        each = f"{(memory.rss_bytes - none_bytes) / load.rows:.0f} B" if load.rows else "-"
        yield (
            f"{load.series:6} {load.rows:9,} {memory.rss_bytes / MB:8.1f} "
            f"{memory.pss_bytes / MB:8.1f} {each:>7} {load.idle_share:7.2%}"
        )
    for name, line in growth.items():
        yield (
            f"{name.partition('_')[0].upper()}: {line.none_bytes / MB:.1f} MB and "
            f"{line.row_bytes:.1f} bytes a row, R2 {line.r2:.5f}"
        )


def _plot(loads: Sequence[Load], line: Growth, path: Path) -> None:
    from matplotlib.figure import Figure  # slow, and only needed here

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    rows = [load.rows / 1e6 for load in loads]
    axes.plot(rows, [(line.none_bytes + line.row_bytes * row * 1e6) / MB for row in rows], "-",
              color="0.6", label=f"{line.row_bytes:.0f} bytes a row, R² {line.r2:.4f}")  # fmt: skip
    axes.plot(rows, [load.memory.rss_bytes / MB for load in loads], "o", label="RSS")
    axes.plot(rows, [load.memory.pss_bytes / MB for load in loads], "x", label="PSS")
    axes.set(xlabel="million rows of klines that are followed", ylabel="MB of the worker", ylim=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
