"""Rows D9, D10: requests that make no sense, and very many that are all different."""

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from random import Random
from urllib.request import urlopen

import pytest

from bpx.simulator.simulator import Simulator
from tests.faults.abuse import CACHED, abused, memory_mb, rest_of, source
from tests.faults.figures import figure
from tests.faults.place import MINUTE, PREFIX
from tests.faults.scale import full_or
from tests.faults.stage import UNLIMITED
from tests.peers.place import Place, upstream_of
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

THREADS = 4
ODD = (
    *("", "0", "-1", "7", "1000", "1001", "1501", "5001", "abc", "1e308", "1e3", "0x10", "05"),
    *("%00", "%0", "%", "%zz", "%ff", "%E5%B8%81", "+1", "%201", "1%20", "9" * 30, "1.0", "-0"),
    *("null", "NaN", "Infinity", "true", "[]", "{}", '["BTCUSDT"]', '["BTCUSDT","BTCUSDT"]'),
    *('"x"', "'", "<script>", "..%2f..", "%0d%0aX-A:%20b", "a" * 300, "%F0%9F%98%80", "%EF%BC%91"),
    *("btcusdt", "BtcUsdt", "NOSUCH", "BTCUSDT%20", "BTC-USDT", "1m", "1M", "1H", "2m", "60"),
    *("1795348800000", "1795348800000000", "-1795348800000", "2026-11-22", "8", "-12:00", "99"),
)
NAMES = ("symbol", "interval", "limit", "startTime", "endTime", "timeZone", "symbols", "type",
         "fromId", "permissions", "symbolStatus", "unknown", "SYMBOL", "Limit", "symbol%00",
         "%73ymbol", "", "signature", "timestamp", "recvWindow")  # fmt: skip
SENSIBLE = {
    "symbol": ("BTCUSDT", "ETHUSDT"),
    "interval": ("1m", "1h", "1d", "1w", "1M", "3d"),
    "limit": ("1", "5", "10", "20", "100", "500"),
}
ENDPOINTS = {  # and what they take
    "klines": ("symbol", "interval", "limit"),
    "depth": ("symbol", "limit"),
    "ticker/24hr": ("symbol",),
    "exchangeInfo": (),
    "ticker/price": ("symbol",),
    "trades": ("symbol", "limit"),
    "aggTrades": ("symbol", "limit"),
    "avgPrice": ("symbol",),
    "uiKlines": ("symbol", "interval", "limit"),
    "order": ("symbol",),
}
OFTEN = ("klines", "klines", "klines", "depth", "depth", "depth", "ticker/24hr", "ticker/24hr")


class Nonsense:
    """Draws targets that begin as sensible ones; the same in every run."""

    def __init__(self, market: str, seed: int) -> None:
        self._root = PREFIX[market]
        self._random = Random(f"{market} {seed}")

    def draw(self) -> str:
        """Return a target."""
        random = self._random
        endpoint = random.choice((*OFTEN, *ENDPOINTS))
        pairs = [(name, random.choice(SENSIBLE[name])) for name in ENDPOINTS[endpoint]]
        for _ in range(random.choice((0, 0, 1, 1, 1, 2, 3))):
            self._spoil(pairs)
        separator = random.choice(("&",) * 12 + ("&&", ";"))
        query = separator.join(f"{name}={value}" for name, value in pairs)
        return f"{self._root}/{endpoint}" + random.choice(("?",) * 20 + ("??", "?&", "")) + query

    def _spoil(self, pairs: list[tuple[str, str]]) -> None:
        random, value = self._random, self._random.choice(ODD)
        place = random.randrange(len(pairs)) if pairs else None
        match random.randrange(5):
            case 4 if pairs:
                pairs.remove(random.choice(pairs))
            case 0 if place is not None:
                pairs[place] = (pairs[place][0], value)
            case 1 if place is not None:
                pairs.append((pairs[place][0], value))
            case 2 if place is not None:
                pairs[place] = (random.choice(NAMES), pairs[place][1])
            case _:
                pairs.append((random.choice(NAMES), value))


@dataclass
class Compared:
    """What both said to one target: status and code."""

    target: str
    ours: tuple[int, object]
    theirs: tuple[int, object]
    source: str


def code_of(body: bytes) -> object:
    """Return Binance's code; nothing of an answer, and the kind of what is no JSON."""
    try:
        said = json.loads(body)
    except ValueError:
        return "no JSON"
    return said.get("code") if isinstance(said, dict) else None


def compare(place: Place, targets: list[str]) -> list[Compared]:
    """Ask both the same, on one connection, as it is written."""
    host, port = place.url.removeprefix("http://").split(":")
    client = HTTPConnection(host, int(port), timeout=30)
    compared = []
    for target in targets:
        client.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        client.endheaders()
        reply = client.getresponse()
        ours = reply.status, code_of(reply.read())
        truth = place.exchange.reply("GET", target)
        theirs = truth.status, code_of(truth.body)
        compared.append(Compared(target, ours, theirs, reply.headers["Data-Source"]))
    client.close()
    return compared


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, Place]]:
    """Both markets of an exchange whose clock stands still in the middle of a minute."""
    with ExitStack() as stack:
        sims = [
            stack.enter_context(Simulator(market, start_ms=MINUTE + 25_000, paused=True))
            for market in PREFIX
        ]
        for sim in sims:
            sim.venue.limits.weight_per_minute = 1_000_000_000
        options = UNLIMITED | {"BPX_FRESH_EXCHANGE_INFO": "1h"} | upstream_of(*sims)
        proxy = stack.enter_context(running_proxy("both", options))
        found = {
            market: Place(sim, url)
            for market, sim, url in zip(PREFIX, sims, proxy.urls, strict=True)
        }
        for market, place in found.items():
            stack.callback(place.session.close)
            path = f"{PREFIX[market]}/exchangeInfo"
            eventually(
                lambda place=place, path=path: place.ask(path).headers["Data-Source"] == "cache",
                within_s=8,
            )
        yield found


@pytest.mark.parametrize("market", PREFIX)
def test_d9_nonsense_gets_what_the_exchange_says_to_it(
    places: dict[str, Place], market: str
) -> None:
    count = full_or(10_000, 600)
    drawn = [Nonsense(market, seed) for seed in range(THREADS)]
    targets = [[one.draw() for _ in range(count // THREADS)] for one in drawn]
    with ThreadPoolExecutor(THREADS) as bots:
        rows = [
            row
            for rows in bots.map(lambda some: compare(places[market], some), targets)
            for row in rows
        ]
    different = [row for row in rows if row.ours != row.theirs]
    figure(
        f"D9 {market}",
        requests=len(rows),
        refused=sum(row.theirs[0] >= 400 for row in rows),
        different=len(different),
        errors_500=sum(row.ours[0] == 500 for row in rows),
        **{name: sum(row.source == name for row in rows)
           for name in ("websocket", "cache", "upstream", "proxy")},
    )  # fmt: skip
    assert different == []
    assert [row for row in rows if row.ours[0] == 500] == []
    assert sum(row.theirs[0] == 200 for row in rows) > len(rows) // 20


def labels_of(proxy: Proxy) -> set[tuple[str, str]]:
    """Return the label sets of all metrics; buckets are of one."""
    with urlopen(f"{proxy.operators_url}/metrics", timeout=20) as page:
        lines = page.read().decode().splitlines()
    found = (re.match(r"(\w+?)(?:_bucket|_sum|_count)?(\{.*\})? ", line) for line in lines)
    return {(match[1], re.sub(r'le="[^"]*",?', "", match[2] or "")) for match in found if match}


def all_different(start: int, count: int) -> Iterator[str]:
    """Yield targets that nobody has asked for before."""
    for number in range(start, start + count):
        match number % 5:
            case 0 | 1:
                yield f"/api/v3/klines?symbol=X{number}USDT&interval=1m"
            case 2:
                yield f"/api/v3/depth?symbol=X{number}USDT&limit={number % 20 + 1}"
            case 3:
                yield f"/api/v3/none{number}/x"
            case _:
                yield f"/api/v3/ticker/price?symbol=X{number}USDT"


def flood(proxy: Proxy, start: int, count: int) -> int:
    """Ask for that many on some connections, many at once; return how many were answered."""
    answered = 0
    for begin in range(start, start + count, 200):
        targets = [*all_different(begin, 200)]
        requests = [f"GET {target} HTTP/1.1\r\n" for target in targets]
        requests[-1] += "Connection: close\r\n"
        with socket.create_connection(proxy.address, timeout=60) as client:
            client.sendall("\r\n".join([*requests, ""]).encode())
            answers = rest_of(client)
        answered += answers.count(b"HTTP/1.1 4")
    return answered


def test_d10_what_is_always_different_fills_nothing_up() -> None:
    count = full_or(100_000, 2_400)
    with abused() as here:
        flood(here.proxy, 0, full_or(1_000, 200))
        before_mb = memory_mb(here.proxy)
        with ThreadPoolExecutor(THREADS) as bots:
            share = count // THREADS
            answered = sum(
                bots.map(lambda n: flood(here.proxy, 1_000 + n * share, share), range(THREADS))
            )
        grown_mb = memory_mb(here.proxy) - before_mb
        labels = labels_of(here.proxy)
        streams = {stream for one in here.exchange.connections for stream in one.streams}
        followed = feeds_of(here.proxy)
        figure(
            "D10",
            requests=count,
            answered=answered,
            rss_grown_mb=grown_mb,
            label_sets=len(labels),
            streams=len(streams),
            feeds=followed,
        )
        assert answered == count
        assert followed <= 1  # ended by now if it took long, as nobody has asked
        assert streams <= {"btcusdt@kline_1m"}
        assert len(labels) <= 500
        assert grown_mb <= 64
        eventually(lambda: source(here.place, CACHED) == "websocket")


def feeds_of(proxy: Proxy) -> int:
    """Return how many things are followed."""
    with urlopen(f"{proxy.operators_url}/metrics", timeout=20) as page:
        rows = re.findall(r"^bpx_feeds\{.*\} (\S+)$", page.read().decode(), re.MULTILINE)
    return sum(int(float(row)) for row in rows)
