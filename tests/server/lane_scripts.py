"""Generated conversations: what bots send, what is odd, what is hostile, and how it is cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from tests.faults.raw_requests import INVALID, SMUGGLED, VALID

SYMBOLS = ("BTCUSDT", "ETHUSDT")
KNOWN_TARGETS = [
    *(
        f"/api/v3/klines?symbol={symbol}&interval=1h&limit={limit}"
        for symbol in SYMBOLS
        for limit in (1, 10, 500, 1000)
    ),
    *(f"/api/v3/depth?symbol={symbol}&limit={limit}" for symbol in SYMBOLS for limit in (5, 20)),
    *(f"/api/v3/ticker/24hr?symbol={symbol}" for symbol in SYMBOLS),
    "/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI",
    "/api/v3/exchangeInfo",
    "/api/v3/exchangeInfo?symbol=BTCUSDT",
]
ODD_TARGETS = [
    "/api/v3/depth?symbol=NOSUCH&limit=5",
    "/api/v3/depth?symbol=BTCUSDT&limit=5&limit=5",
    "/api/v3/depth?limit=%35&symbol=BTC%55SDT",
    "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1001",
    "/API/v3/depth?symbol=BTCUSDT&limit=5",
    "/api/v3/depth/?symbol=BTCUSDT&limit=5",
    "/api/v3/a;b",
    "/api/v3/nothing%2f..%2fhere",
    "//api/v3/depth",
    "/",
]
USUAL_HEADERS = [
    "User-Agent: python-requests/2.32",
    "Accept: */*",
    "Accept-Encoding: gzip, deflate",
    "Accept-Encoding: identity",
    "Connection: keep-alive",
]
ODD_HEADERS = [
    "Connection: close",
    "Connection: x, close",
    "Connection: Upgrade",
    "Upgrade: h2c",
    "Expect: 100-continue",
    "Content-Length: 0",
    "Range: bytes=0-10",
    'If-None-Match: "a"',
    "If-Modified-Since: Wed, 25 Nov 2026 00:00:00 GMT",
    "Accept: application/sbe",
    "X-MBX-TIME-UNIT: MICROSECOND",
    "X-MBX-APIKEY: somebody",
    "Origin: https://page.example",
    "Origin: https://other.example",
    "Authorization: Basic eA==",
    "X-Forwarded-For: 10.0.0.1",
    "Cookie: a=b",
    "X-Long: " + "x" * 3000,
    "X-Name: %d%s%%",
]


class Way(Enum):
    """How a conversation is sent."""

    IN_TURN = "each request when the answer to the one before is there"
    AT_ONCE = "all in one piece, and then no more"
    CUT = "the first part, then, once that was read, the rest"


@dataclass(frozen=True, slots=True)
class Script:
    """What one connection sends.

    Args:
        way: how.
        requests: whole ones, or whatever else.
        cut_at: where the first one is cut, if it is.
    """

    way: Way
    requests: tuple[bytes, ...]
    cut_at: int = 0


def known(key: str, target: str = KNOWN_TARGETS[0], headers: Sequence[str] = ()) -> bytes:
    """Return the head of a request that a cache answers."""
    lines = [f"GET {target} HTTP/1.1", "Host: proxy.example", f"X-BPX-API-Key: {key}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


class Scripts:
    """Makes conversations by dice.

    Args:
        seed: of the dice.
        keys: of clients, the first of which is usual.
    """

    def __init__(self, seed: int, keys: Sequence[str]) -> None:
        self._dice = Random(seed)
        self._keys = keys
        self._heads = [known(keys[0], target, USUAL_HEADERS[1:3]) for target in KNOWN_TARGETS]

    def some(self, requests: int) -> Iterator[Script]:
        """Yield scripts with about so many requests in all."""
        while requests > 0:
            script = self._script()
            requests -= len(script.requests)
            yield script

    def cut_everywhere(self, head: bytes) -> Iterator[Script]:
        """Yield a known head, cut at every byte."""
        for cut_at in range(1, len(head)):
            yield Script(Way.CUT, (head,), cut_at)

    def bodies_that_come_late(self) -> Iterator[Script]:
        """Yield requests whose bodies spell known heads, and come in a piece of their own."""
        head = self._heads[0]
        for method in ("GET", "POST", "HEAD"):
            framing = f"Content-Length: {len(head)}", "Transfer-Encoding: chunked"
            bodies = head, b"%x\r\n" % len(head) + head + b"\r\n0\r\n\r\n"
            for framed, body in zip(framing, bodies, strict=True):
                bent = known(self._keys[0], KNOWN_TARGETS[0], [framed])
                bent = bent.replace(b"GET", method.encode(), 1)
                for before in (b"", head, b"\r\n" + head):
                    for after in (b"", head):
                        yield Script(Way.CUT, (before, bent, body, after), len(before + bent))

    def _script(self) -> Script:
        dice = self._dice
        way = dice.choices(list(Way), (6, 3, 1))[0]
        if way is Way.CUT:
            head = dice.choice(self._heads)
            return Script(way, (head,), dice.randrange(1, len(head)))
        requests = [self._request() for _ in range(dice.randrange(1, 12))]
        if way is Way.AT_ONCE and dice.random() < 0.5:
            hostile = dice.choice([*INVALID, *SMUGGLED, *(one[0] for one in VALID)])
            requests.insert(dice.randrange(len(requests) + 1), hostile)
        return Script(way, tuple(requests))

    def _request(self) -> bytes:
        dice = self._dice
        if dice.random() < 0.6:
            return dice.choice(self._heads)
        if dice.random() < 0.15:
            return self._with_a_known_head_as_its_body()
        target = dice.choice(KNOWN_TARGETS if dice.random() < 0.7 else ODD_TARGETS)
        headers = dice.sample(USUAL_HEADERS, dice.randrange(3))
        headers += dice.sample(ODD_HEADERS, dice.choice([0, 0, 1, 1, 2]))
        head = known(dice.choice(self._keys), target, headers)
        return self._bent(head)

    def _bent(self, head: bytes) -> bytes:
        """Return a head that is sometimes not quite what it was."""
        bent = {
            0: lambda: head.replace(b"GET", b"HEAD", 1),
            1: lambda: head.replace(b"HTTP/1.1", b"HTTP/1.0", 1),
            2: lambda: b"\r\n" + head,
            3: lambda: head.replace(b"GET", b"OPTIONS", 1),
            4: lambda: head.replace(b"Host: ", b"Host:\t", 1),
            5: lambda: head.replace(b"\r\n", b"\n"),
            6: lambda: head.replace(b"GET ", b"GET  ", 1),
        }
        return bent.get(self._dice.randrange(20), lambda: head)()

    def _with_a_known_head_as_its_body(self) -> bytes:
        body = self._dice.choice(self._heads)
        head = known(self._keys[0], KNOWN_TARGETS[0], [f"Content-Length: {len(body)}"])
        return head.replace(b"GET", self._dice.choice([b"GET", b"POST"]), 1) + body
