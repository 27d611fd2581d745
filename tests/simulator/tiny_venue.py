"""A venue of a few lines: it echoes REST, and counts on each known stream every 100 ms."""

import orjson

from bpx.simulator.venue import Message, Reply, Request

STREAMS = ("btcusdt@depth20@100ms", "btcusdt@bookTicker", "btcusdt@kline_1m", "ethusdt@ticker")


class TinyVenue:
    """Publishes `{"n":<tenths of a second>}` on subscribed known streams."""

    def __init__(self, market: str = "spot", start_ms: int = 1_000_000) -> None:
        self.market = market
        self.now_ms = start_ms
        self.subscribed: list[str] = []
        self.orders: list[Request] = []

    def advance(self, to_ms: int) -> list[Message]:
        tenths = range(self.now_ms // 100 + 1, to_ms // 100 + 1)
        self.now_ms = to_ms
        return [
            Message(stream, b'{"n":%d}' % n, n * 100)
            for n in tenths
            for stream in self.subscribed
            if stream in STREAMS
        ]

    def subscribe(self, stream: str) -> None:
        assert stream not in self.subscribed
        self.subscribed.append(stream)

    def unsubscribe(self, stream: str) -> None:
        self.subscribed.remove(stream)

    def reply(self, request: Request, as_of_ms: int | None = None) -> Reply:
        if request.path == "/big":
            return Reply(200, orjson.dumps(["x"] * 1000))
        if request.path == "/none":
            return Reply(404, b"", {"Content-Type": "text/plain"})
        if request.path == "/order":
            self.orders.append(request)
        seen = {
            "method": request.method,
            "target": request.target.encode("latin-1").hex(),
            "body": request.body.hex(),
            "headers": dict(request.headers),
            "now_ms": self.now_ms if as_of_ms is None else as_of_ms,
        }
        return Reply(200, orjson.dumps(seen), {"X-MBX-USED-WEIGHT-1M": "7"})
