"""An HTTP server of plain sockets: it shows every byte that came, and answers with any bytes."""

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType


class Then(Enum):
    """What happens to the connection after an answer."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True)
class Delivered:
    """One request, as it came over the wire."""

    head: bytes
    body: bytes
    connection: int

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n")[0]

    @property
    def method(self) -> bytes:
        return self.line.split(b" ")[0]

    @property
    def target(self) -> bytes:
        return self.line.split(b" ", 1)[1].rsplit(b" ", 1)[0]

    @property
    def headers(self) -> dict[bytes, bytes]:
        pairs = (line.partition(b":") for line in self.head.split(b"\r\n")[1:] if line)
        return {name.lower(): value.strip() for name, _, value in pairs}


@dataclass(frozen=True)
class Answer:
    data: bytes = b""
    then: Then = Then.KEEP
    after: threading.Event | None = None


def ok(body: bytes = b"{}", headers: str = "", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


@dataclass
class WireServer:
    """Answers each request with what `answer` makes of it, on a free port or at `address`."""

    answer: Callable[[Delivered], bytes | Answer] = lambda request: ok()
    requests: list[bytes] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    connections: int = 0
    address: tuple[str, int] = ("127.0.0.1", 0)

    def __enter__(self) -> "WireServer":
        self._listener = socket.create_server(self.address, backlog=1024)
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close() if connection.fileno() < 0 else _hang_up(connection)
        for thread in self._threads:
            thread.join(10)

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(
                target=self._talk, args=(connection, self.connections), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as source:
            try:
                while (request := _read(source, number)) is not None:
                    self.delivered.append(request)
                    if not self._reply(connection, request):
                        return
            except OSError:
                return

    def _reply(self, connection: socket.socket, request: Delivered) -> bool:
        answer = self.answer(request)
        if isinstance(answer, bytes):
            answer = Answer(answer)
        if answer.after is not None:
            answer.after.wait(30)
        connection.sendall(answer.data)
        if answer.then is Then.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer.then is Then.CLOSE:
            connection.shutdown(socket.SHUT_RDWR)
        return answer.then is Then.KEEP


def _read(source: "socket.SocketIO", number: int) -> Delivered | None:  # type: ignore[type-arg, unused-ignore]
    lines = []
    while (line := source.readline()) not in (b"\r\n", b""):
        lines.append(line)
    if not lines:
        return None
    head = b"".join(lines)
    length = next(
        (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")),
        0,
    )
    return Delivered(head.removesuffix(b"\r\n"), source.read(length), number)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()
