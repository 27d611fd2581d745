"""How soon an answer shows what the exchange has sent.

    python -m benchmarks.freshness [--symbols 200] [--per-s 1000] [--asks-per-s 500] [--json]

Books of all symbols get messages in turn, each with the moment at which it was sent. A bot asks for
the one whose turn is next, at its pace, until an answer shows the message: what is told is the time
from its sending to that answer. Its resolution is the bot's pace. The reference beside it is the
time that the same question takes by itself.
"""

import argparse
import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter, sleep

import requests

from benchmarks.sender import Flow, sender
from tests.proxy import running_proxy

LEAD_S = 0.003  # before its turn a symbol is first asked for
PATIENCE_S = 0.1  # until another is
_UPDATE = re.compile(rb'"lastUpdateId":(\d+)')


@dataclass(slots=True)
class Bot:
    """Asks over one connection, at a pace.

    Args:
        link: the connection.
        every_s: from question to question.
        took_s: of each.
    """

    link: socket.socket
    every_s: float
    due: float = 0.0
    took_s: list[float] = field(default_factory=list)

    def told(self, symbol: str) -> tuple[float, float, float]:
        """Ask for a book; return when that was, when it was answered, and when that was sent."""
        now = perf_counter()
        self.due = max(self.due + self.every_s, now)
        sleep(max(0.0, self.due - now))
        asked = perf_counter()
        target = f"/api/v3/depth?symbol={symbol}&limit=20"
        self.link.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"]}"):
            answer += self.link.recv(65536)
        answered = perf_counter()
        self.took_s.append(answered - asked)
        found = _UPDATE.search(answer)
        assert found is not None, answer
        return asked, answered, int(found[1]) / 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--per-s", type=int, default=1000, help="messages")
    parser.add_argument("--asks-per-s", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    with ExitStack() as stack:
        exchange = stack.enter_context(sender(options.symbols))
        proxy = stack.enter_context(running_proxy("spot", exchange.variables))
        _follow(proxy.url, exchange.symbols)
        exchange.send(Flow(("depth20",), options.per_s, is_timed=True))
        link = stack.enter_context(socket.create_connection(proxy.address, timeout=10))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bot = Bot(link, 1 / options.asks_per_s)
        late = list(_lateness(bot, exchange.symbols, options.per_s, options.seconds))
        exchange.send(Flow())
    shown, alone = quantiles(late, n=100), quantiles(bot.took_s, n=100)
    row = {
        "messages_per_s": options.per_s,
        "symbols": options.symbols,
        "requests_per_s": options.asks_per_s,
        "seen": len(late),
        "p50_ms": round(shown[49] * 1000, 2),
        "p99_ms": round(shown[98] * 1000, 2),
        "answer_p50_ms": round(alone[49] * 1000, 2),
        "answer_p99_ms": round(alone[98] * 1000, 2),
    }
    if options.json:
        print(json.dumps(row, indent=2))
    else:
        print("\n".join(f"{name.replace('_', ' '):16} {value:,}" for name, value in row.items()))
    return 0


def _follow(url: str, symbols: list[str]) -> None:
    """Have all books followed, by streams."""
    left = symbols
    with requests.Session() as session:

        def is_streamed(symbol: str) -> bool:
            reply = session.get(f"{url}/api/v3/depth?symbol={symbol}&limit=20", timeout=10)
            return reply.headers["Data-Source"] == "websocket"

        while left := [symbol for symbol in left if not is_streamed(symbol)]:
            sleep(0.02)


def _lateness(bot: Bot, symbols: list[str], per_s: int, seconds: float) -> Iterator[float]:
    """Yield the seconds from messages to the first answers that show them."""
    until = perf_counter() + seconds
    at = 0
    _, _, sent = bot.told(symbols[at])
    while perf_counter() < until:
        ahead = round((perf_counter() + LEAD_S - sent) * per_s)  # messages since that one
        at = (at + ahead) % len(symbols)
        began, answered, sent = bot.told(symbols[at])
        while sent < began and answered < began + PATIENCE_S:
            _, answered, sent = bot.told(symbols[at])
        if sent >= began:
            yield answered - sent


if __name__ == "__main__":
    sys.exit(main())
