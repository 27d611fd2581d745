"""An exchange of plain sockets that does exactly what a test wants, and keeps account of it."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time

from tests.upstream.wire_server import Answer, Delivered, WireServer

WEIGHT_PER_MINUTE = 10_000_000
SILENT = Answer(b"")  # nothing comes, and the connection stays open

Talk = Callable[[Delivered], bytes | Answer]


def reply(body: bytes = b"{}", status: int = 200, headers: str = "", used: int = 1) -> bytes:
    """Return a reply as Binance frames it."""
    kind = "application/json" if body[:1] in b"[{" else "text/html"
    return (
        f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Date: {formatdate(time(), usegmt=True)}\r\nX-MBX-USED-WEIGHT-1M: {used}\r\n"
        f"{headers}\r\n"
    ).encode() + body


def listing(weight_per_minute: int) -> bytes:
    """Return an exchangeInfo in which nothing trades: nothing is followed."""
    limit = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": weight_per_minute,
    }
    return json.dumps(
        {
            "timezone": "UTC",
            "serverTime": int(time() * 1000),
            "rateLimits": [limit],
            "exchangeFilters": [],
            "symbols": [{"symbol": "OLDUSDT", "status": "BREAK"}],
        },
        separators=(",", ":"),
    ).encode()


@dataclass
class RawExchange(WireServer):
    """Answers what `talk` says; exchangeInfo and pings it answers by itself.

    Attributes:
        talk: answers everything else.
        listings: requests for exchangeInfo.
    """

    talk: Talk = lambda request: reply()
    listings: int = 0
    hits: list[Delivered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answer = self._answer

    def mend(self) -> None:
        """Answer everything well again, and forget what came."""
        self.talk = lambda request: reply()
        self.hits.clear()

    def count(self, by: Callable[[Delivered], bytes] = lambda hit: hit.target) -> Counter[bytes]:
        """Return how often each request came."""
        return Counter(by(hit) for hit in list(self.hits))

    def _answer(self, request: Delivered) -> bytes | Answer:
        if b"/exchangeInfo" in request.target:
            self.listings += 1
            return reply(listing(WEIGHT_PER_MINUTE))
        self.hits.append(request)
        return self.talk(request)
