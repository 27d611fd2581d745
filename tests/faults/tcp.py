"""A port in front of a server, that does to its connections what networks do."""

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic
from types import TracebackType
from typing import Self


class Fault(Enum):
    """What happens to the bytes of a connection, either way."""

    NONE = "none"
    RESET = "reset"  # on the first byte from the client
    RESET_REPLY = "reset the reply"  # on its first byte
    BLACK_HOLE = "black hole"  # nothing arrives any more, and nobody hangs up
    HALF_CLOSE = "half-close"  # the server's side ends after the request, and nothing comes back
    SLICE = "slice"  # a byte at a time
    REFUSE = "refuse"  # the connection ends as soon as it is there


@dataclass
class FaultProxy:
    """Hands bytes on between clients and a port of this host.

    Args:
        to_port: where to.
        fault: what happens to them; it may be changed at any time.
        latency_s: how late bytes from the server come.
        accepted: connections so far.
        accepted_at: when, in monotonic seconds.
    """

    to_port: int
    fault: Fault = Fault.NONE
    latency_s: float = 0.0
    accepted: int = 0
    accepted_at: list[float] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(20)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """End all connections."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _start(self, target: object, *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.accepted_at.append(monotonic())
            if self.fault is Fault.REFUSE:
                _reset(client)
                continue
            self._start(self._relay, client)

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.to_port)) as server:
            self._open += [client, server]
            back = self._start(self._pump, server, client, True)
            self._pump(client, server, False)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        try:
            while chunk := source.recv(65536):
                if not self._pass(chunk, source, sink, is_reply):
                    return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _pass(self, chunk: bytes, source: socket.socket, sink: socket.socket, is_reply: bool
              ) -> bool:  # fmt: skip
        fault = self.fault
        if fault is Fault.BLACK_HOLE:
            return True
        if fault is Fault.RESET or (fault is Fault.RESET_REPLY and is_reply):
            _reset(sink if is_reply else source)
            return False
        if fault is Fault.HALF_CLOSE and is_reply:
            sink.shutdown(socket.SHUT_WR)
            return False
        if is_reply and self.latency_s:
            self._over.wait(self.latency_s)
        size = 1 if fault is Fault.SLICE else len(chunk)
        for start in range(0, len(chunk), size):
            sink.sendall(chunk[start : start + size])
        return True


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()
