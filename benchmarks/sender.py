"""An exchange that costs next to nothing, in a process of its own: what it says is in `wording`.

It sends messages at a pace, each by itself and evenly: the hardest case for whoever reads them,
who wakes up for every single one.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle
from json import loads
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Event, Lock, Thread
from time import perf_counter, sleep
from urllib.parse import parse_qsl, urlsplit

from benchmarks import wording
from tests.faults.frame_server import PING, PONG, TEXT, Peer, frame, welcome
from tests.proxy import free_port


@dataclass(frozen=True, slots=True)
class Flow:
    """What to send.

    Args:
        kinds: of streams, which get messages in turn.
        per_s: messages a second.
        is_timed: the number of each message is when it was sent, in microseconds of the host's
            monotonic clock.
    """

    kinds: tuple[str, ...] = ()
    per_s: int = 0
    is_timed: bool = False


@dataclass
class Remote:
    """The sender, as the process sees it that has started it.

    Args:
        pipe: to it.
        port: of its REST API and its streams.
        symbols: that it lists.
    """

    pipe: Connection
    port: int
    symbols: list[str]

    @property
    def variables(self) -> dict[str, str]:
        """The options of a proxy in front of it, which is not to keep to any pace."""
        return {
            "BPX_UPSTREAM_SPOT_REST": f"http://127.0.0.1:{self.port}",
            "BPX_UPSTREAM_SPOT_WS": f"ws://127.0.0.1:{self.port}",
            "BPX_RATE_SPOT_RPS": "10000",
            "BPX_SECURITY_CLIENT_FEEDS": "1000000",
        }

    def send(self, flow: Flow) -> int:
        """Have it send something else from now on; return how many messages it has sent so far."""
        self.pipe.send(flow)
        sent: int = self.pipe.recv()
        return sent


@contextmanager
def sender(symbols: int) -> Iterator[Remote]:
    """Run a sender that lists so many symbols."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    port, names = free_port(), wording.symbols(symbols)
    process = processes.Process(target=_serve, args=(port, names, theirs), daemon=True)
    process.start()
    try:
        ours.recv()  # it listens
        yield Remote(ours, port, names)
    finally:
        process.terminate()
        process.join(5)


def _serve(port: int, symbols: list[str], pipe: Connection) -> None:
    exchange = _Exchange(wording.listing(symbols))
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    _start(exchange.accept, listener)
    _start(exchange.send_for_ever)
    pipe.send(0)
    with suppress(EOFError):
        while True:
            exchange.flow = pipe.recv()
            exchange.is_other.set()
            pipe.send(exchange.number)


def _start(target: Callable[..., None], *args: object) -> None:
    Thread(target=target, args=args, daemon=True).start()


@dataclass
class _Subscriber(Peer):
    """A client of the streams: what is sent to it by several threads does not get mixed up."""

    lock: Lock = field(default_factory=Lock)

    def send(self, content: bytes) -> None:
        with self.lock:
            self.link.sendall(content)


class _Exchange:
    """Answers REST, and sends what it is told to whoever has subscribed it.

    Args:
        listing: exchangeInfo.
    """

    def __init__(self, listing: bytes) -> None:
        self.number = 0  # of the last message
        self.flow = Flow()
        self.is_other = Event()
        self._listing = listing
        self._streams: dict[str, _Subscriber] = {}

    def accept(self, listener: socket.socket) -> None:
        while True:
            link, _ = listener.accept()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _start(self._talk, link)

    def send_for_ever(self) -> None:
        """Send what the flow is, and see to it that no message is early."""
        while True:
            self.is_other.clear()
            flow = self.flow
            chosen = [(name, to) for name, to in list(self._streams.items()) if _is_of(name, flow)]
            if chosen and flow.per_s:
                self._send_at_a_pace(chosen, 1 / flow.per_s, flow.is_timed)
            else:
                self.is_other.wait()

    def _send_at_a_pace(
        self, chosen: list[tuple[str, _Subscriber]], pause_s: float, is_timed: bool
    ) -> None:
        due = perf_counter()
        for name, subscriber in cycle(chosen):
            if self.is_other.is_set():
                return
            due += pause_s
            sleep(max(0.0, due - perf_counter()))
            self.number = int(perf_counter() * 1e6) if is_timed else self.number + 1
            subscriber.send(frame(wording.frame(name, self.number)))

    def _talk(self, link: socket.socket) -> None:
        with link, suppress(OSError, EOFError):
            while True:
                head = _head(link)
                if b"upgrade: websocket" in head.lower():
                    link.sendall(welcome(head))
                    self._listen(_Subscriber(link, head, Event()))
                    return
                body = self._reply(head.split(b" ", 2)[1].decode())
                link.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %b\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (wording.date(), len(body), body)
                )

    def _listen(self, subscriber: _Subscriber) -> None:
        while True:
            opcode, payload = subscriber.receive()
            if opcode == PING:
                subscriber.send(frame(payload, PONG))
            elif opcode == TEXT:
                change = loads(payload)
                for name in change["params"]:
                    self._streams[name] = subscriber
                subscriber.send(frame(b'{"result":null,"id":%d}' % change["id"]))

    def _reply(self, target: str) -> bytes:
        where = urlsplit(target)
        params = dict(parse_qsl(where.query))
        match where.path.rpartition("/")[2]:
            case "exchangeInfo":
                return self._listing
            case "klines":
                return _klines(params["interval"], int(params["limit"]), self.number)
            case "depth":
                return wording.book(self.number, int(params["limit"]))
            case "24hr":
                return wording.ticker(params["symbol"], self.number)
        return b"{}"


_klines = lru_cache(maxsize=100)(wording.klines)


def _is_of(stream: str, flow: Flow) -> bool:
    kind = stream.partition("@")[2]
    return kind.partition("_")[0].partition("@")[0] in flow.kinds


def _head(link: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = link.recv(4096)
        if not piece:
            raise EOFError
        head += piece
    return head
