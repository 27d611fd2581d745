"""A bot that trades all the while: every order it sent has to be in the exchange's ledger, once."""

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event, Thread

from bpx.simulator.simulator import Simulator
from tests.faults.abuse import Abused, asked, status_of

ID = re.compile(r"newClientOrderId=([^&]+)")


def signed(exchange: Simulator, query: str) -> str:
    """Return a query with the exchange's time and the signature of its only account."""
    query += f"&timestamp={exchange.now_ms}&recvWindow=60000"
    return f"{query}&signature={hmac.new(b'secret', query.encode(), sha256).hexdigest()}"


def order_target(exchange: Simulator, name: str) -> str:
    """Return the target of an order that rests in the book, for little."""
    return "/api/v3/order?" + signed(
        exchange,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00100&price=10000.00"
        f"&newClientOrderId={name}",
    )


def order(exchange: Simulator, name: str) -> bytes:
    """Return the request that places it."""
    target = order_target(exchange, name)
    head = f"POST {target} HTTP/1.1\r\nX-MBX-APIKEY: key\r\nConnection: close\r\n"
    return f"{head}Content-Length: 0\r\n\r\n".encode()


def delivered(exchange: Simulator) -> list[str]:
    """Return the names of all orders that were delivered, in their order."""
    ledger = exchange.call(lambda: list(exchange.venue.account.ledger))
    return [found[1] for row in ledger if (found := ID.search(row.target)) and row.verified]


@dataclass
class Trader:
    """Places an order every moment."""

    here: Abused
    every_s: float = 0.2
    sent: list[str] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def __enter__(self) -> "Trader":
        self.here.exchange.call(self.here.exchange.venue.account.ledger.clear)
        self._thread = Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def delivered(self) -> list[str]:
        """Return the names of the orders that arrived."""
        return delivered(self.here.exchange)

    def _run(self) -> None:
        while not self._over.is_set():
            name = f"trade-{len(self.sent)}"
            self.sent.append(name)
            try:
                answer = asked(self.here.proxy, order(self.here.exchange, name))
            except OSError as error:
                answer = repr(error).encode()
            if status_of(answer) != 200:
                self.failures.append(answer)
            self._over.wait(self.every_s)
