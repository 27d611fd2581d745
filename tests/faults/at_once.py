"""Many requests at the same moment, each on a connection of its own: no thread of ours is late."""

import selectors
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

READ_BYTES = 65536


@dataclass
class Asked:
    """A request that was sent, and what has come of it.

    Args:
        client: its connection.
        sent_at: when it was sent, in monotonic seconds.
        answer: the bytes that came.
        took_s: until the answer was over; None if it is not.
    """

    client: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""
    took_s: float | None = None

    @property
    def status(self) -> int:
        return int(self.answer.split(b" ", 2)[1])

    @property
    def body(self) -> bytes:
        return self.answer.partition(b"\r\n\r\n")[2]

    def read(self) -> bool:
        """Read what there is; return whether that was the end."""
        chunk = self.client.recv(READ_BYTES)
        self.answer += chunk
        if not chunk:
            self.took_s = monotonic() - self.sent_at
        return not chunk


class AtOnce:
    """GETs, sent one right after the other over connections that are there.

    Args:
        address: of the server.
        targets: what is asked for.
    """

    def __init__(self, address: tuple[str, int], targets: Sequence[str]) -> None:
        self._address = address
        self._targets = targets

    def __enter__(self) -> "AtOnce":
        with ExitStack() as stack:
            self.all = [
                Asked(stack.enter_context(socket.create_connection(self._address, timeout=20)))
                for _ in self._targets
            ]
            self._selector = stack.enter_context(selectors.DefaultSelector())
            for one, target in zip(self.all, self._targets, strict=True):
                head = f"GET {target} HTTP/1.1\r\nHost: bpx\r\nConnection: close\r\n\r\n"
                one.sent_at = monotonic()
                one.client.sendall(head.encode())
                self._selector.register(one.client, selectors.EVENT_READ, one)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, for_s: float) -> list[Asked]:
        """Read for so long, or until all have ended; return those that have."""
        until = monotonic() + for_s
        while self._selector.get_map() and monotonic() < until:
            for key, _ in self._selector.select(until - monotonic()):
                if key.data.read():
                    self._selector.unregister(key.fileobj)
        return [one for one in self.all if one.took_s is not None]
