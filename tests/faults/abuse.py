"""Clients that misbehave, many at once, and what it does to those that do not."""

import select
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from bpx.simulator.simulator import Simulator
from tests.faults.stage import UNLIMITED, percentile
from tests.peers.place import Place
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

CACHED = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=100"
P99_S = 0.25  # of cached answers, whatever others do


@dataclass
class Abused:
    """A simulated exchange, and the proxy in front of it that is abused."""

    exchange: Simulator
    proxy: Proxy
    place: Place


@contextmanager
def abused(env: Mapping[str, str] | None = None, args: tuple[str, ...] = ()) -> Iterator[Abused]:
    """Run spot with one series that is answered from its stream."""
    with Simulator("spot", accounts={"key": "secret"}) as exchange:
        exchange.venue.limits.weight_per_minute = 100_000_000
        options = {
            "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        }
        with running_proxy("spot", UNLIMITED | options | dict(env or {}), args) as proxy:
            place = Place(exchange, proxy.url)
            eventually(lambda: source(place, "/api/v3/exchangeInfo") == "cache")
            eventually(lambda: source(place, CACHED) == "websocket")
            try:
                yield Abused(exchange, proxy, place)
            finally:
                place.session.close()


def source(place: Place, target: str) -> str:
    """Return where an answer comes from."""
    return place.ask(target).headers["Data-Source"]


def worker_of(proxy: Proxy) -> int:
    """Return the process id of gunicorn's worker."""
    children = Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text()
    return int(children.split()[0])


def memory_mb(proxy: Proxy, name: str = "VmRSS") -> float:
    """Return the worker's resident memory; VmHWM is the most it ever was."""
    status = Path(f"/proc/{worker_of(proxy)}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def get(target: str, *headers: str) -> bytes:
    """Return a GET after which the connection ends."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "Connection: close", *headers, "", ""]).encode()


def asked(proxy: Proxy, request: bytes, timeout_s: float = 20.0) -> bytes:
    """Send a request on a connection of its own, and return all that comes."""
    with socket.create_connection(proxy.address, timeout=timeout_s) as client:
        client.sendall(request)
        return rest_of(client)


def rest_of(client: socket.socket) -> bytes:
    """Return all that comes until the end, or until a reset."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while chunk := client.recv(1 << 16):
            received += chunk
    return bytes(received)


def status_of(answer: bytes) -> int:
    """Return the status of an answer, 0 if there is none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


@dataclass
class Watch:
    """A client that asks for a cached answer over and over, each time on a new connection."""

    proxy: Proxy
    target: str = CACHED
    every_s: float = 0.02
    took_s: list[float] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def __enter__(self) -> "Watch":
        self._thread = Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def p99_s(self) -> float:
        """Return the time within which 99 of 100 were answered."""
        return percentile(self.took_s, 0.99)

    def _run(self) -> None:
        while not self._over.is_set():
            began = monotonic()
            try:
                answer = asked(self.proxy, get(self.target))
            except OSError as error:
                answer = repr(error).encode()
            self.took_s.append(monotonic() - began)
            if b" 200 OK" not in answer[:20] or b"Data-Source: websocket" not in answer:
                self.failures.append(answer[:500])
            self._over.wait(self.every_s)


def alone_p99_s(proxy: Proxy, count: int = 100) -> float:
    """Return how long the same takes when nobody misbehaves: on a slow machine longer."""
    with Watch(proxy, every_s=0.005) as watch:
        eventually(lambda: len(watch.took_s) >= count, within_s=30)
    return watch.p99_s


@dataclass(eq=False)
class _Slow:
    client: socket.socket
    began: float
    next_at: float
    heard: bytearray = field(default_factory=bytearray)


@dataclass
class Cut:
    """What became of a slow client."""

    after_s: float
    answer: bytes


@dataclass
class Slow:
    """Many slow clients: when one is cut, another takes its place.

    Args:
        proxy: whom they ask.
        count: of clients.
        begin: what each sends at first.
        drip: what each sends then, over and over.
        every_s: how often.
        reads: how many bytes are read at once, every time; None for whatever comes.
        per_s: how many come in a second, at most.
    """

    proxy: Proxy
    count: int
    begin: Callable[[int], bytes]
    drip: bytes = b""
    every_s: float = 1.0
    reads: int | None = None
    per_s: float = 1e9
    cuts: list[Cut] = field(default_factory=list)
    refused: int = 0

    def run(self, for_s: float, again: bool = True) -> None:
        """Misbehave for so long, and then until the last of them is cut."""
        self._poll = select.poll()
        self._clients: dict[int, _Slow] = {}
        began, number = monotonic(), 0
        over, longest = began + for_s, began + for_s + 60
        while (now := monotonic()) < longest:
            come = self.per_s * (now - began) + 1
            most = come if again else min(self.count, come)
            while now < over and len(self._clients) < self.count and number < most:
                self._open(number)
                number += 1
            if not self._clients and now >= over:
                break
            self._hear()
            for one in [one for one in self._clients.values() if one.next_at <= monotonic()]:
                self._act(one)
        for one in list(self._clients.values()):
            self._close(one, b"<never cut>")

    def _open(self, number: int) -> None:
        client = socket.socket()
        if self.reads is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            client.connect(self.proxy.address)
            client.sendall(self.begin(number))
        except OSError:
            client.close()
            self.refused += 1
            return
        client.setblocking(False)
        now = monotonic()
        one = _Slow(client, now, now + self.every_s * (0.1 + 0.9 * (number % 97) / 97))
        self._clients[client.fileno()] = one
        # Whoever reads slowly does not look whether there is something, but notices a reset.
        self._poll.register(client, select.POLLIN if self.reads is None else 0)

    def _hear(self) -> None:
        for number, event in self._poll.poll(20):
            one = self._clients[number]
            if self.reads is not None and event & select.POLLERR:
                self._close(one, b"<reset>")
            else:
                self._read(one, 1 << 16)

    def _act(self, one: _Slow) -> None:
        one.next_at += self.every_s
        if self.reads is not None:
            self._read(one, self.reads)
            return
        try:
            one.client.send(self.drip)
        except BlockingIOError:
            return
        except OSError:
            self._read(one, 1 << 16)

    def _read(self, one: _Slow, size: int) -> None:
        try:
            received = one.client.recv(size)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        one.heard += received
        if not received:
            self._close(one, bytes(one.heard))

    def _close(self, one: _Slow, answer: bytes) -> None:
        if self._clients.pop(one.client.fileno(), None) is None:
            return
        self._poll.unregister(one.client)
        one.client.close()
        self.cuts.append(Cut(monotonic() - one.began, answer))
