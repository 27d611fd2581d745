"""What forwarding adds to a call: through the proxy, beside the same call without it.

    python -m benchmarks.forwarding [--connections 1,32] [--per-s 0,100,500] [--seconds 6] [--json]

nginx stands in for Binance, and another nginx forwards the same calls, as a reference. All ways
are asked in turn over kept connections: as fast as answers come (0), so that with many connections
they queue, or at an even pace. A hundred a second is what Binance's weight allows: between two such
calls a processor that it shares with others forgets our code and data. Each call is another
question, so that none is shared or kept. What is told is the difference of the medians, and of what
99 of 100 had at most.
"""

import argparse
import json
import socket
import sys
from contextlib import ExitStack
from itertools import count
from statistics import quantiles
from threading import Thread
from time import perf_counter, sleep

from rich.console import Console
from rich.table import Table

from benchmarks.nginx import NGINX, forwarding_nginx, running_nginx
from tests.proxy import running_proxy
from tests.waiting import eventually

LISTING = json.dumps(
    {
        "timezone": "UTC",
        "serverTime": 0,
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 100_000_000,
            }
        ],
        "exchangeFilters": [],
        "symbols": [{"symbol": "BTCUSDT", "status": "TRADING"}],
    }
).encode()
FILES = {"api/v3/exchangeInfo": LISTING, "api/v3/avgPrice": b'{"mins":5,"price":"1.0"}'}


class Client:
    """One connection to each side, and the times of its calls in seconds."""

    def __init__(self, sides: list[tuple[str, int]], numbers: "count[int]") -> None:
        self._links = [socket.create_connection(side, timeout=30) for side in sides]
        for link in self._links:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._numbers = numbers
        self.times: list[list[float]] = [[] for _ in sides]

    def ask(self, every_s: float, until: float) -> None:
        """Ask each side in turn, every so often."""
        due = perf_counter()
        while perf_counter() < until:
            for link, times in zip(self._links, self.times, strict=True):
                times.append(self._asked_s(link))
            due += every_s
            sleep(max(0.0, due - perf_counter()))

    def _asked_s(self, link: socket.socket) -> float:
        target = f"/api/v3/avgPrice?number={next(self._numbers)}"
        began = perf_counter()
        link.sendall(f"GET {target} HTTP/1.1\r\nHost: proxy\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"}"):
            answer += link.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return perf_counter() - began


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--connections", default="1,32", help="with commas between")
    parser.add_argument("--per-s", default="0,100,500", help="calls to each side")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    if NGINX is None:
        print("skipped: nginx is not installed", file=sys.stderr)
        return 0
    with ExitStack() as stack:
        exchange = stack.enter_context(running_nginx(FILES))
        proxy = stack.enter_context(
            running_proxy(
                "spot", {"BPX_UPSTREAM_SPOT_REST": exchange, "BPX_RATE_SPOT_RPS": "10000",
                         "BPX_UPSTREAM_SPOT_WS": "ws://127.0.0.1:1"}
            )
        )  # fmt: skip
        limit = 'bpx_upstream_weight_limit{market="spot"} 1e+08'
        eventually(lambda: limit in proxy.page("/metrics"), within_s=10)
        other = stack.enter_context(forwarding_nginx(exchange))
        sides = [proxy.address, _address(other), _address(exchange)]
        rows = [
            _row(sides, int(number), float(per_s), options.seconds)
            for per_s in options.per_s.split(",")
            for number in options.connections.split(",")
        ]
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows)
    return 0


def _address(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def _row(
    sides: list[tuple[str, int]], connections: int, per_s: float, seconds: float
) -> dict[str, float]:
    numbers = count()
    clients = [Client(sides, numbers) for _ in range(connections)]
    until = perf_counter() + seconds
    threads = [
        Thread(target=client.ask, args=(connections / per_s if per_s else 0.0, until), daemon=True)
        for client in clients
    ]
    for thread in threads:
        thread.start()
        sleep(1 / per_s if per_s else 0.0)  # or all would ask at one moment
    for thread in threads:
        thread.join()
    ours, nginx, direct = (
        quantiles([took for client in clients for took in client.times[side]], n=100)
        for side in range(3)
    )
    return {
        "connections": connections,
        "calls_per_s": round(sum(len(client.times[0]) for client in clients) / seconds),
        "p50_ms": round(ours[49] * 1000, 2),
        "p99_ms": round(ours[98] * 1000, 2),
        "direct_p50_ms": round(direct[49] * 1000, 2),
        "direct_p99_ms": round(direct[98] * 1000, 2),
        "added_p50_ms": round((ours[49] - direct[49]) * 1000, 2),
        "added_p99_ms": round((ours[98] - direct[98]) * 1000, 2),
        "nginx_added_p50_ms": round((nginx[49] - direct[49]) * 1000, 2),
        "nginx_added_p99_ms": round((nginx[98] - direct[98]) * 1000, 2),
    }


def _print(rows: list[dict[str, float]]) -> None:
    table = Table(title="Forwarded calls, beside direct ones", title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
