"""A client's connection: every wait for the client is bounded here.

gunicorn's gevent worker bounds neither a slow body nor a slow reader, and a slow head only by
the keep-alive time.
"""

import errno
import socket
import struct
from dataclasses import dataclass
from time import monotonic
from typing import Any

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LINGER_S = 2.0
_LINGER_BYTES = 16 * 1024 * 1024


class ClientGone(ConnectionResetError):
    """The client closed the connection, or took its answer too slowly to be waited for."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.ECONNRESET, reason)


class RequestTooSlow(Exception):
    """The client began a request and did not finish it in time."""


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
    """

    def __init__(self, sock: Any, patience: Patience) -> None:
        self._socket = sock
        self._patience = patience
        self._is_idle = True
        self._read_until = monotonic() + patience.read_s  # a fresh client has come to ask
        self._write_left_s = patience.write_s

    def recv(self, size: int) -> bytes:
        """Return the next bytes; none at all if the client, or its time to ask, is gone.

        Raises:
            RequestTooSlow: a request was begun and is not complete in time.
        """
        try:
            # At least a moment: what has arrived already is read in any case.
            self._socket.settimeout(max(0.001, self._read_until - monotonic()))
            received: bytes = self._socket.recv(size)
        except TimeoutError:
            if self._is_idle:
                return b""
            raise RequestTooSlow from None
        except OSError:
            if self._is_idle:  # closed, by the client or by us
                return b""
            raise
        if self._is_idle and received:
            self._is_idle = False
            self._read_until = monotonic() + self._patience.read_s
        return received

    def begin_answer(self) -> None:
        """Note that a request is complete: from now on the client is written to."""
        self._is_idle = False
        self._write_left_s = self._patience.write_s

    def end_answer(self) -> None:
        """Note that an answer is complete: from now on the client may ask again."""
        self._is_idle = True
        self._read_until = monotonic() + self._patience.idle_s

    def sendall(self, sent: bytes) -> None:
        """Send all of it.

        Raises:
            ClientGone: the client has closed, or has taken too long over this answer.
        """
        started = monotonic()
        self._socket.settimeout(max(0.001, self._write_left_s))
        try:
            self._socket.sendall(sent)
        except OSError as error:  # a TimeoutError is one
            self.reset()
            raise ClientGone(str(error)) from None
        self._write_left_s -= monotonic() - started

    send = sendall

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
            self._shut(socket.SHUT_RD)

    def reset(self) -> None:
        """Break the connection, so that half an answer cannot pass for a whole one."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        except OSError:
            return  # the client was faster
        self._socket.close()

    def linger(self) -> None:
        """Let the client read the last answer though it may still be sending; bounded."""
        self._shut(socket.SHUT_WR)
        until, left = monotonic() + _LINGER_S, _LINGER_BYTES
        try:
            while left > 0 and (wait_s := until - monotonic()) > 0:
                self._socket.settimeout(wait_s)
                received = len(self._socket.recv(65536))
                if not received:
                    return
                left -= received
        except OSError:
            return

    def _shut(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError:
            return  # the client was faster

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def setblocking(self, is_blocking: bool) -> None:
        """Do nothing: every wait has its own bound."""

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: every wait has its own bound."""

    def gettimeout(self) -> None:
        """Return None: every wait has its own bound."""
        return

    def getpeername(self) -> Any:
        """Return the client's address."""
        return self._socket.getpeername()

    def fileno(self) -> int:
        """Return the descriptor."""
        number: int = self._socket.fileno()
        return number
