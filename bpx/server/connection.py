"""A client's connection: every wait for the client is bounded here.

gunicorn's gevent worker bounds neither a slow body nor a slow reader, and a slow head only by
the keep-alive time.
"""

import socket
from dataclasses import dataclass
from time import monotonic
from typing import Any

from bpx.server.crowd import Crowd
from bpx.server.ending import ClientGone, RequestTooLong, RequestTooSlow, linger, reset, shut

HEAD_BYTES = 32 * 1024  # of a request, in all: as much as nginx takes


@dataclass(slots=True)
class Patience:
    """How long we wait for clients, in seconds. Shared by the connections of a worker.

    Args:
        read_s: for a request, from its first byte to its last.
        write_s: for the client to take an answer, in all.
        idle_s: for the next request on an open connection.
    """

    read_s: float
    write_s: float
    idle_s: float


class Connection:
    """What gunicorn sees as the client's socket.

    A connection is idle until the first byte of a request arrives, then it is read until the
    request is complete, and then its answer is written.

    Attributes:
        waits_since: since when we wait for the client; None if it waits for us.
    """

    def __init__(
        self, sock: Any, patience: Patience, crowd: Crowd, buffer_bytes: int = 8192
    ) -> None:
        self._buffer_bytes = buffer_bytes
        self._socket = sock
        self._patience = patience
        self._crowd = crowd
        self._is_idle = True
        self.waits_since: float | None = monotonic()
        self._read_until = monotonic() + patience.read_s  # a fresh client has come to ask
        self._bytes_left = HEAD_BYTES
        self._write_left_s = patience.write_s

    def recv(self, size: int) -> bytes:
        """Return the next bytes; none at all if the client, or its time to ask, is gone.

        Raises:
            RequestTooSlow: a request was begun and is not complete in time.
            RequestTooLong: there is no end of it.
            ClientGone: the connection broke in the middle of it.
        """
        try:
            # At least a moment: what has arrived already is read in any case.
            self._socket.settimeout(max(0.001, self._read_until - monotonic()))
            received: bytes = self._socket.recv(min(size, self._buffer_bytes))
        except TimeoutError:
            if self._is_idle:
                return b""
            raise RequestTooSlow from None
        except OSError as error:  # closed, by the client or by us
            if self._is_idle:
                return b""
            raise ClientGone(str(error)) from None
        if received:
            self._note_received(len(received))
        return received

    def _note_received(self, count: int) -> None:
        if self._is_idle:
            self._is_idle = False
            self.waits_since = monotonic()
            self._read_until = self.waits_since + self._patience.read_s
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise RequestTooLong
        self._crowd.reading(self, count)

    def expect(self, body_bytes: int) -> None:
        """Note that a request's head is complete, and what its body may have on the wire."""
        self._bytes_left = body_bytes

    def begin_answer(self) -> None:
        """Note that a request is complete: from now on the client is written to."""
        self._is_idle = False
        self.waits_since = None
        self._crowd.read(self)
        self._write_left_s = self._patience.write_s

    def end_answer(self, received: int = 0) -> None:
        """Note that an answer is complete: from now on the client may ask again.

        Args:
            received: how many bytes of the next request came with this one.
        """
        self._is_idle = True
        self.waits_since = monotonic()
        self._bytes_left = HEAD_BYTES
        self._read_until = self.waits_since + self._patience.idle_s
        if received:
            self._note_received(received)

    def sendall(self, sent: bytes) -> None:
        """Send all of it. Raises what `send_joined` does."""
        self.send_joined(b"", sent)

    send = sendall

    def send_joined(self, head: bytes, body: bytes) -> None:
        """Send both, as one and without a copy.

        Raises:
            ClientGone: the client has closed, or has taken too long over this answer.
        """
        try:
            count = self._sent_at_once(head, body)
            if count < len(head) + len(body):
                self._wait_to_send(head, body, count)
        except OSError as error:  # a TimeoutError is one
            self.reset()
            raise ClientGone(str(error)) from None

    def _sent_at_once(self, head: bytes, body: bytes) -> int:
        self._socket.settimeout(0)
        try:
            count: int = self._socket.sendmsg((head, body)) if head else self._socket.send(body)
        except BlockingIOError:
            return 0
        return count

    def _wait_to_send(self, head: bytes, body: bytes, count: int) -> None:
        self.waits_since = started = monotonic()
        self._crowd.sending(self, body)
        self._socket.settimeout(max(0.001, self._write_left_s))
        try:
            if count < len(head):
                self._socket.sendall(head[count:])
                count = len(head)
            self._socket.sendall(memoryview(body)[count - len(head) :])
        finally:
            self._crowd.sent(self)
            self.waits_since = None
        self._write_left_s -= monotonic() - started

    def is_gone(self) -> bool:
        """Whether the client has closed its side. May be asked while its request is served."""
        self._socket.settimeout(0)
        try:
            received: bytes = self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not received

    def end_if_idle(self) -> None:
        """Let an idle connection end; a request that is on its way already is still read."""
        if self._is_idle:
            shut(self._socket, socket.SHUT_RD)

    def end(self) -> None:
        """Make room: let an idle client go, break off with any other."""
        self.waits_since = None
        if self._is_idle:
            shut(self._socket, socket.SHUT_RD)
        else:
            self.reset()

    def reset(self) -> None:
        """Break the connection, so that half an answer cannot pass for a whole one."""
        reset(self._socket)

    def linger(self) -> None:
        """Let the client read the last answer though it may still be sending; bounded."""
        self._is_idle = True  # there is nothing left to say
        self.waits_since = monotonic()
        linger(self._socket)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def setblocking(self, is_blocking: bool) -> None:
        """Do nothing: every wait has its own bound."""

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: every wait has its own bound."""

    def gettimeout(self) -> None:
        """Return None: every wait has its own bound."""

    def getpeername(self) -> Any:
        """Return the client's address."""
        return self._socket.getpeername()

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._socket.fileno())
