"""The real proxy in front of an exchange that a test breaks."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import local
from time import monotonic
from typing import Any

import requests

from tests.faults.exchange import RawExchange
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

NOT_SENT = {"code": -1001, "msg": "Internal error; unable to process your request. "
            "Please try again."}  # fmt: skip
UNKNOWN = {"code": -1007, "msg": "Timeout waiting for response from backend server. "
           "Send status unknown; execution status unknown."}  # fmt: skip

UNLIMITED = {
    "BPX_RATE_SPOT_RPS": "10000",
    "BPX_RATE_FUTURES_RPS": "10000",
    "BPX_SERVER_SHUTDOWN_TIMEOUT": "1s",
}
NOWHERE = "127.0.0.1:1"


@dataclass
class Timed:
    """An answer, and how long it took."""

    reply: requests.Response
    took_s: float

    @property
    def status(self) -> int:
        return self.reply.status_code

    @property
    def code(self) -> int | None:
        """Binance's, if it is an error."""
        body = self.reply.json()
        return body.get("code") if isinstance(body, dict) else None


@dataclass
class Bots:
    """Clients of a proxy: each thread has connections of its own."""

    url: str
    timeout_s: float = 20.0
    _own: local = field(default_factory=local)
    _sessions: list[requests.Session] = field(default_factory=list)

    def ask(self, target: str, method: str = "GET", **options: Any) -> Timed:
        """Ask once."""
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
            self._sessions.append(self._own.session)
        began = monotonic()
        options.setdefault("timeout", self.timeout_s)
        options.setdefault("allow_redirects", False)
        reply = self._own.session.request(method, self.url + target, **options)
        return Timed(reply, monotonic() - began)

    def close(self) -> None:
        """Close the connections of all threads."""
        for session in self._sessions:
            session.close()

    def ask_all(
        self, asked: Sequence[Any], at_once: int, ask: Callable[[Any], Timed] | None = None
    ) -> list[Timed]:
        """Ask many, some at once; in the order of the questions."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(ask or self.ask, asked))


@dataclass
class Stage:
    """A raw exchange, and the proxy in front of it."""

    exchange: RawExchange
    proxy: Proxy
    spot: Bots
    futures: Bots

    def worker(self) -> int:
        """Return the process id of gunicorn's worker."""
        children = Path(f"/proc/{self.proxy.pid}/task/{self.proxy.pid}/children").read_text()
        return int(children.split()[0])

    def open_files(self) -> int:
        """Return how many file handles the worker has."""
        return len(os.listdir(f"/proc/{self.worker()}/fd"))

    def memory_mb(self) -> float:
        """Return the worker's resident memory."""
        status = Path(f"/proc/{self.worker()}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextmanager
def staged(
    env: Mapping[str, str] | None = None,
    *,
    urls: str | None = None,
    may_log: Collection[str] = (),
    with_key: str | None = None,
) -> Iterator[Stage]:
    """Run a raw exchange and a proxy of both markets in front of it.

    Args:
        env: further options.
        urls: of REST, if not the exchange's own.
        may_log: what of `TROUBLE` is no wonder.
        with_key: what it has to be shown.
    """
    with RawExchange() as exchange:
        options = {
            "BPX_UPSTREAM_SPOT_REST": urls or exchange.url,
            "BPX_UPSTREAM_FUTURES_REST": urls or exchange.url,
            "BPX_UPSTREAM_SPOT_WS": f"ws://{NOWHERE}",
            "BPX_UPSTREAM_FUTURES_WS": f"ws://{NOWHERE}",
            "BPX_FRESH_EXCHANGE_INFO": "1h",
        }
        with running_proxy("both", options | UNLIMITED | dict(env or {}), (), may_log) as proxy:
            if urls is None:
                eventually(lambda: exchange.listings >= 2)
                eventually(lambda: all(is_listed(url, with_key) for url in proxy.urls))
            bots = [Bots(url) for url in proxy.urls]
            try:
                yield Stage(exchange, proxy, *bots)
            finally:
                for one in bots:
                    one.close()


def is_listed(url: str, key: str | None = None) -> bool:
    """Whether the proxy has read its exchangeInfo."""
    headers = {} if key is None else {"X-BPX-API-Key": key}
    return any(
        requests.get(url + path, headers=headers, timeout=20).headers["Data-Source"] == "cache"
        for path in ("/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo")
    )


def percentile(numbers: Sequence[float], share: float) -> float:
    """Return the number below which `share` of them are."""
    return sorted(numbers)[min(len(numbers) - 1, int(len(numbers) * share))]
