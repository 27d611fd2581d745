"""Bots as a process of their own, so that they cost the exchange in the test's process nothing.

`python -m tests.faults.bots` reads a plan as JSON, asks by the clock, and writes what it saw.
"""

import hashlib
import hmac
import http.client
import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

THREADS = 24  # each with a connection; those that hang are made up for by the others


class Read(NamedTuple):
    """An answer to a read. Times are of the monotonic clock, which all processes share."""

    target: str
    began_s: float
    ended_s: float
    status: int  # 0 if the connection broke
    source: str
    body: bytes  # its digest: see `Seen.bodies`


class Trade(NamedTuple):
    """An answer to an order, or to the cancelling of one."""

    method: str
    client_id: str  # of the request
    order: str  # the client's id of the order that is placed or cancelled
    began_s: float
    ended_s: float
    status: int
    source: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Seen:
    """All that the bots saw."""

    reads: list[Read] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    bodies: dict[bytes, bytes] = field(default_factory=dict)


class Bots:
    """Asks as the plan says.

    Args:
        plan: `address` of the proxy, `cached` and `uncached` targets, `cached_share`,
            `reads_per_s`, `orders_per_s`, `cancels_per_s`, `lasts_s`, `order` and `cancel`, the
            path and the query that they begin with, `key`, `secret`, and `offset_ms`, which makes
            exchange time of the monotonic clock's.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.seen = Seen()
        self._plan = plan
        self._lock = Lock()
        self._random = Random(plan["seed"])
        self._placed = ["none"]

    def go(self) -> Seen:
        """Ask until the plan is over."""
        plan, began = self._plan, monotonic()
        threads = []
        for per_s, ask, most in (
            (plan["reads_per_s"], self._read, THREADS),
            (plan["orders_per_s"], self._order, THREADS),
            (plan["cancels_per_s"], self._cancel, THREADS // 4),
        ):
            turns = count()
            threads += [
                Thread(target=self._ask_by_the_clock, args=(ask, turns, per_s, began))
                for _ in range(most if per_s else 0)
            ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.seen

    def _ask_by_the_clock(
        self, ask: Callable[["_Connection"], None], turns: "count[int]", per_s: float, began: float
    ) -> None:
        connection = _Connection(self._plan["address"], self._plan["timeout_s"])
        while (at_s := next(turns) / per_s) < self._plan["lasts_s"]:
            sleep(max(0.0, began + at_s - monotonic()))
            if monotonic() - began > self._plan["lasts_s"] + 1:
                break  # so slow that the rest would come after the end
            ask(connection)
        connection.close()

    def _read(self, connection: "_Connection") -> None:
        plan = self._plan
        with self._lock:
            kind = "cached" if self._random.random() < plan["cached_share"] else "uncached"
            target = self._random.choice(plan[kind])
        began_s = monotonic()
        status, headers, body = connection.ask("GET", target, {})
        ended_s = monotonic()
        digest = hashlib.blake2b(body, digest_size=12).digest()
        source = headers.get("data-source", "")
        with self._lock:
            self.seen.bodies.setdefault(digest, body)
            self.seen.reads.append(Read(target, began_s, ended_s, status, source, digest))

    def _order(self, connection: "_Connection") -> None:
        name = self._name()
        self._trade(connection, "POST", self._plan["order"], name, name)
        with self._lock:
            self._placed.append(name)

    def _cancel(self, connection: "_Connection") -> None:
        with self._lock:
            placed = self._random.choice(self._placed[-50:])
        begin = f"{self._plan['cancel']}&origClientOrderId={placed}"
        self._trade(connection, "DELETE", begin, self._name(), placed)

    def _name(self) -> str:
        with self._lock:
            return f"bot-{self._random.getrandbits(64):016x}"

    def _trade(
        self, connection: "_Connection", method: str, begin: str, client_id: str, order: str
    ) -> None:
        began_s = monotonic()
        at_ms = int(self._plan["offset_ms"] + began_s * 1000)
        target = f"{begin}&newClientOrderId={client_id}&recvWindow=30000&timestamp={at_ms}"
        path, _, query = target.partition("?")
        secret = self._plan["secret"].encode()
        signature = hmac.new(secret, query.encode(), "sha256").hexdigest()
        target = f"{path}?{query}&signature={signature}"
        status, headers, body = connection.ask(method, target, {"X-MBX-APIKEY": self._plan["key"]})
        seen = Trade(
            method, client_id, order, began_s, monotonic(), status,
            headers.get("data-source", ""), headers, body,
        )  # fmt: skip
        with self._lock:
            self.seen.trades.append(seen)


class _Connection:
    """A connection that is kept, and made anew when it has broken. Nothing is asked twice."""

    def __init__(self, address: list[Any], timeout_s: float) -> None:
        self._client = http.client.HTTPConnection(*address, timeout=timeout_s)

    def ask(
        self, method: str, target: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            self._client.request(method, target, headers=headers)
            reply = self._client.getresponse()
            told = {name.lower(): text for name, text in reply.getheaders()}
            return reply.status, told, reply.read()
        except (OSError, http.client.HTTPException) as error:
            self._client.close()
            return 0, {}, repr(error).encode()

    def close(self) -> None:
        self._client.close()


if __name__ == "__main__":
    seen = Bots(json.load(sys.stdin)).go()
    # As plain tuples: whoever reads this knows the classes by another module's name.
    reads, trades = [tuple(one) for one in seen.reads], [tuple(one) for one in seen.trades]
    pickle.dump((reads, trades, seen.bodies), sys.stdout.buffer)
