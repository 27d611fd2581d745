"""A closed loop of GET requests over a few keep-alive connections, in one thread."""

import selectors
import socket
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Load:
    """What a run measured.

    Args:
        requests_per_s: answered in a second.
        p50_ms, p99_ms: time from the request to the last byte of its answer.
        bytes: of a body.
        sources: how many answers had each `Data-Source`.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    bytes: int
    sources: dict[str, int]


class _Client:
    """One connection: sends a request when the answer before has come."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.source = ""
        self.bytes = 0
        self._request = request
        self._head = b""
        self._left = -1  # bytes of the body; -1 while the head is read
        self._sent_at = 0.0

    def send(self) -> None:
        self._head, self._left = b"", -1
        self._sent_at = perf_counter()
        self.socket.send(self._request)

    def receive(self) -> float | None:
        """Read what is there; return the answer's time in seconds once it is whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        if self._left < 0:
            self._head += chunk
            head, mark, rest = self._head.partition(b"\r\n\r\n")
            if not mark:
                return None
            self._read_head(head.lower())
            self._left = self.bytes - len(rest)
        else:
            self._left -= len(chunk)
        return perf_counter() - self._sent_at if self._left <= 0 else None

    def _read_head(self, head: bytes) -> None:
        if not head.startswith(b"http/1.1 200"):
            raise ConnectionError(f"not answered: {head[:200]!r}")
        fields = dict(line.partition(b":")[::2] for line in head.split(b"\r\n")[1:])
        self.bytes = int(fields[b"content-length"])
        self.source = fields.get(b"data-source", b"").strip().decode()


def run(address: tuple[str, int], target: str, connections: int, seconds: float) -> Load:
    """Ask for `target` for some seconds, as fast as the answers come."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".encode()
    times: list[float] = []
    sources: dict[str, int] = {}
    with selectors.DefaultSelector() as selector:
        clients = [_Client(address, request) for _ in range(connections)]
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        began = perf_counter()
        until = began + seconds
        while (now := perf_counter()) < until:
            for key, _ in selector.select(until - now):
                took = key.data.receive()
                if took is not None:
                    times.append(took)
                    sources[key.data.source] = sources.get(key.data.source, 0) + 1
                    key.data.send()
        spent = perf_counter() - began
        for client in clients:
            client.socket.close()
    times.sort()
    return Load(
        len(times) / spent,
        times[len(times) // 2] * 1000,
        times[int(len(times) * 0.99)] * 1000,
        clients[0].bytes,
        sources,
    )
