"""The edge of a candle: every bot asks for every pair at once, each on a new connection.

    python -m benchmarks.edge [--bots 10] [--pairs 300] [--rounds 3] [--json]

That is what freqtrade does about a second after a candle has ended. Each round waits for the next
edge of a minute of the exchange's, and one second more; then all ask within a second, first the
proxy, and right after that nginx, which serves as many bytes from files. Every answer of the proxy
must be whole, and end with the candle that has just begun.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from statistics import median
from time import perf_counter, sleep

import requests
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.__main__ import exchange
from benchmarks.burst import Answer, burst
from benchmarks.lane import KEY, ON
from benchmarks.nginx import NGINX, running_nginx
from tests.proxy import running_proxy

LIMIT = 1000
AFTER_EDGE_S = 1.0
WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Edge:
    """What a burst took: until the last answer after the first request, and of each answer."""

    last_s: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> "Edge":
        """Return it of answers."""
        times = sorted(answer.took_s or 0.0 for answer in answers)
        ends = [answer.began + (answer.took_s or 0.0) for answer in answers]
        return cls(
            max(ends) - min(answer.began for answer in answers),
            times[len(times) // 2] * 1000,
            times[int(len(times) * 0.99)] * 1000,
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bots", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    if NGINX is None:
        print("skipped: nginx is not installed", file=sys.stderr)
        return 0
    rounds = _measured(options.bots, options.pairs, options.rounds)
    rows = [
        _row(name, [pair[place] for pair in rounds]) for place, name in enumerate(("bpx", "nginx"))
    ]
    ratios = {
        "server": "ratio",
        **{
            name: round(
                median(getattr(ours, name) / getattr(nginx, name) for ours, nginx in rounds), 2
            )
            for name in ("last_s", "p50_ms", "p99_ms")
        },
    }
    rows.append(ratios)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows, options.bots * options.pairs)
    return 0


def _measured(bots: int, pairs: int, rounds: int) -> list[tuple[Edge, Edge]]:
    with ExitStack() as stack:
        urls = stack.enter_context(exchange("--full-size"))
        fast = {"BPX_RATE_SPOT_RPS": "10000", "BPX_SECURITY_CLIENT_FEEDS": "1000000"}
        proxy = stack.enter_context(running_proxy("spot", urls | ON | fast))
        bodies = _followed(proxy.url, _symbols(proxy.url), pairs)
        symbols = list(bodies)
        nginx = stack.enter_context(running_nginx(bodies))
        host, port = nginx.removeprefix("http://").split(":")
        ours = [_request(f"/api/v3/klines?symbol={one}&interval=1m&limit={LIMIT}")
                for _ in range(bots) for one in symbols]  # fmt: skip
        theirs = [_request(f"/{one}") for _ in range(bots) for one in symbols]
        burst(proxy.address, ours, WITHIN_S)  # as at the edge before
        found = []
        for _ in _shown(range(rounds), "waiting for the edges of minutes"):
            minute_ms = _after_the_edge(urls["BPX_UPSTREAM_SPOT_REST"])
            answers = burst(proxy.address, ours, WITHIN_S)
            reference = burst((host, int(port)), theirs, WITHIN_S)
            _check(answers, minute_ms)
            found.append((Edge.of(answers), Edge.of(reference)))
            del answers, reference  # a gigabyte, which the next round would have to go around
        return found


def _shown(steps: Sequence[object], what: str) -> Sequence[object]:
    return track(steps, what, console=Console(stderr=True), transient=True)  # type: ignore[return-value]


def _request(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: proxy\r\nX-BPX-API-Key: {KEY}\r\n\r\n".encode()


def _symbols(url: str) -> list[str]:
    for _ in range(500):
        reply = requests.get(
            f"{url}/api/v3/exchangeInfo", headers={"X-BPX-API-Key": KEY}, timeout=10
        )
        if reply.ok:
            break
        sleep(0.02)
    listed = reply.json()["symbols"]
    return [
        one["symbol"] for one in listed if one["status"] == "TRADING" and one["symbol"].isascii()
    ]


def _followed(url: str, symbols: Sequence[str], count: int) -> dict[str, bytes]:
    """Have some followed; return what is answered once streams deliver, by symbol.

    What was listed lately has fewer candles, and is left out.
    """
    bodies: dict[str, bytes] = {}
    with requests.Session() as session:
        session.headers["X-BPX-API-Key"] = KEY

        def asked(symbol: str) -> requests.Response:
            target = f"{url}/api/v3/klines?symbol={symbol}&interval=1m&limit={LIMIT}"
            return session.get(target, timeout=30)

        old = (symbol for symbol in symbols if asked(symbol).content.count(b"],[") == LIMIT - 1)
        left = list(islice(old, count))
        while left:
            replies = [(symbol, asked(symbol)) for symbol in left]
            bodies |= {symbol: reply.content for symbol, reply in replies
                       if reply.headers["Data-Source"] == "websocket"}  # fmt: skip
            left = [symbol for symbol in left if symbol not in bodies]
    return bodies


def _after_the_edge(exchange_url: str) -> int:
    """Wait until a second after a minute of the exchange's has begun; return it, in ms."""
    asked = perf_counter()
    now_ms = requests.get(f"{exchange_url}/api/v3/time", timeout=5).json()["serverTime"]
    edge_ms = (now_ms // 60_000 + 1) * 60_000
    sleep(max(0.0, asked + (edge_ms - now_ms) / 1000 + AFTER_EDGE_S - perf_counter()))
    return int(edge_ms)


def _check(answers: Sequence[Answer], minute_ms: int) -> None:
    """See that each answer is whole, and of this minute."""
    for answer in answers:
        rows = json.loads(answer.body)
        assert len(rows) == LIMIT, answer.request
        opens = [row[0] for row in rows]
        assert opens == list(range(minute_ms - (LIMIT - 1) * 60_000, minute_ms + 1, 60_000))


def _row(name: str, edges: Sequence[Edge]) -> dict[str, object]:
    return {
        "server": name,
        "last_s": round(median(edge.last_s for edge in edges), 2),
        "p50_ms": round(median(edge.p50_ms for edge in edges), 2),
        "p99_ms": round(median(edge.p99_ms for edge in edges), 2),
    }


def _print(rows: Sequence[dict[str, object]], asked: int) -> None:
    title = f"{asked:,} new connections within a second, klines {LIMIT:,}"
    table = Table("server", "last answer s", "p50 ms", "p99 ms", title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=100).print(table)


if __name__ == "__main__":
    sys.exit(main())
