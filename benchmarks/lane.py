"""How fast known requests are answered, beside nginx that serves the same bytes from files.

    python -m benchmarks.lane [--seconds 2] [--rounds 3] [--connections 1,32,256] [--json]

Both run at the same time and are measured in turn, on the same machine, with wrk (one thread). The
proxy has everything switched on: metrics, keys, a limit for each client, its time-outs. The figures
are medians of the rounds; a ratio is the median of the ratios of neighbours. "Each new" is a new
connection for every request.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median

import requests
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.__main__ import TARGETS, exchange, warm
from benchmarks.nginx import NGINX, running_nginx
from benchmarks.wrk import WRK, Run, wrk
from bpx.access.keys import digest_of
from tests.proxy import running_proxy

KEY = "bpx_of-the-benchmark"
ON = {
    "BPX_SECURITY_KEYS": f"bench data,public {digest_of(KEY)}",
    "BPX_SECURITY_CLIENT_RPS": "100000",
    "BPX_SECURITY_CLIENT_BURST": "1000000",
    "BPX_LOG_LEVEL": "info",
}
EACH_NEW = "each new"


@dataclass(slots=True)
class Case:
    """Something to ask for, how, and what was measured.

    Args:
        name: for the table.
        ours, theirs: URLs at the proxy and at nginx.
        connections: at once.
        headers: of the request.
        runs: pairs of ours and theirs, one a round.
    """

    name: str
    ours: str
    theirs: str
    connections: int
    headers: list[str]
    is_each_new: bool = False
    runs: list[tuple[Run, Run]] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return the medians."""
        return {
            "answer": self.name,
            "connections": EACH_NEW if self.is_each_new else self.connections,
            "requests_per_s": round(median(ours.requests_per_s for ours, _ in self.runs)),
            "nginx_requests_per_s": round(median(theirs.requests_per_s for _, theirs in self.runs)),
            "ratio": round(
                median(ours.requests_per_s / theirs.requests_per_s for ours, theirs in self.runs), 2
            ),
            "p99_ms": round(median(ours.p99_ms for ours, _ in self.runs), 2),
            "nginx_p99_ms": round(median(theirs.p99_ms for _, theirs in self.runs), 2),
            "p99_ratio": round(
                median(ours.p99_ms / theirs.p99_ms for ours, theirs in self.runs), 2
            ),
        }


def main() -> int:
    """Measure and print."""
    options = _options()
    missing = [name for name, path in (("nginx", NGINX), ("wrk", WRK)) if path is None]
    if missing:
        print(f"skipped: {' and '.join(missing)} not installed", file=sys.stderr)
        return 0
    with _cases([int(text) for text in options.connections.split(",")], options.lane) as cases:
        steps = [case for _ in range(options.rounds) for case in cases]
        for case in track(steps, "measuring", console=Console(stderr=True), transient=True):
            both = [wrk(url, case.connections, options.seconds, case.headers)
                    for url in (case.ours, case.theirs)]  # fmt: skip
            case.runs.append((both[0], both[1]))
    rows = [case.row() for case in cases]
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", default="1,32,256", help="with commas between")
    parser.add_argument("--no-lane", dest="lane", action="store_false", help="switch it off")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser.parse_args()


@contextmanager
def _cases(connections: list[int], has_lane: bool) -> Iterator[list[Case]]:
    """Start an exchange, the proxy in front of it and nginx beside it; warm every answer."""
    key = f"X-BPX-API-Key: {KEY}"
    with ExitStack() as stack:
        options = ON | {"BPX_SERVER_FAST_LANE": str(has_lane).lower()}
        urls = stack.enter_context(exchange("--full-size"))
        proxy = stack.enter_context(running_proxy("spot", urls | options))
        bodies, asked = {}, []
        for name, target in TARGETS.items():
            warm(proxy.url + target, {"X-BPX-API-Key": KEY})
            for coding in ("identity", "gzip") if name == "exchangeInfo" else ("identity",):
                file = f"{len(bodies)}.json"
                headers = {"X-BPX-API-Key": KEY, "Accept-Encoding": coding}
                with requests.get(proxy.url + target, headers=headers, stream=True) as reply:
                    bodies[file] = reply.raw.read()
                asked.append(
                    (name if coding == "identity" else f"{name}, gzip", target, file, coding)
                )
        theirs = stack.enter_context(running_nginx(bodies))
        cases = []
        for count in connections:
            for name, target, file, coding in asked:
                headers = [key, f"Accept-Encoding: {coding}"]
                ours, other = f"{proxy.url}{target}", f"{theirs}/{file}"
                cases.append(Case(name, ours, other, count, headers))
        name, target, file, _ = asked[-3]
        close = [key, "Connection: close"]
        cases.append(Case(name, proxy.url + target, f"{theirs}/{file}", 32, close, True))
        yield cases


def _print(rows: list[dict[str, object]]) -> None:
    table = Table(title="Known requests, beside nginx", title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "answer" else "right")
    for row in rows:
        table.add_row(
            *(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row.values())
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
