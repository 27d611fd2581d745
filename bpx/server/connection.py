"""A client's connection: every wait for the client is bounded here.

gunicorn's gevent worker bounds neither a slow body nor a slow reader, and a slow head only by
the keep-alive time.
"""

import socket
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, NoReturn

from bpx.server.crowd import Crowd
from bpx.server.ending import ClientGone, RequestTooLong, RequestTooSlow, linger, reset, shut
from bpx.server.lane import Lane, Part, Place, Where

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
    request is complete, and then its answer is written. Where a request is known, that is done in
    the lane, and gunicorn never hears of it.

    Args:
        sock: the client's.
        patience: how long we wait.
        crowd: those that it is one of.
        buffer_bytes: that are asked of the client at once.
        lane: answers what is known; None if nothing is.
        where: it has come in.

    Attributes:
        waits_since: since when we wait for the client; None if it waits for us.
        head: all that was read for the request under way, if it came at once.
    """

    def __init__(
        self,
        sock: Any,
        patience: Patience,
        crowd: Crowd,
        buffer_bytes: int = 8192,
        lane: Lane | None = None,
        where: Where = (None, ""),
    ) -> None:
        self._lane = lane
        self.is_over = False  # closed, so that its descriptor may be another's
        self.place: Place | None = None
        if lane is not None:
            self.place = lane.enter(where)
            self.descriptor = int(sock.fileno())
            self.watcher = sock._read_event  # gevent's: it is told when the socket is closed
        self.head: bytes | None = None
        self._ahead = b""  # read, and not answered in the lane
        self._is_at_boundary = True  # nothing has been read of the next request
        self._buffer_bytes = buffer_bytes
        self._socket = sock
        self._patience = patience
        self._crowd = crowd
        self._is_idle = True
        self.waits_since: float | None = monotonic()
        self._read_until = monotonic() + patience.read_s  # a fresh client has come to ask
        self._bytes_left = HEAD_BYTES
        self._write_left_s = patience.write_s

    def begin(self) -> bool:
        """Answer what is known from the first; return whether there is anything else."""
        if self._lane is None:
            return True
        self._ahead = self._lane.answer_known(self, is_fresh=True)
        return bool(self._ahead)

    def recv(self, size: int) -> bytes:
        """Return the next bytes; none at all if the client, or its time to ask, is gone.

        Raises:
            RequestTooSlow: a request was begun and is not complete in time.
            RequestTooLong: there is no end of it.
            ClientGone: the connection broke in the middle of it.
        """
        if self._is_at_boundary:
            received = self.head = self._first(size)
            self._is_at_boundary = False  # only now: the lane may have come to another one
        else:
            self.head, received = None, self._next(size)
        if received:
            self._note_received(len(received))
        return received

    def _first(self, size: int) -> bytes:
        """Return the first bytes of a request that the lane does not answer."""
        if self._lane is None:
            return self._next(size)
        received, self._ahead = self._ahead or self._lane.answer_known(self), b""
        return received

    def _next(self, size: int) -> bytes:
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

    def end_answer(self, left: bytes = b"") -> None:
        """Note that an answer is complete: from now on the client may ask again.

        Args:
            left: what has been read behind its request. Empty lines are none of the next one: old
                clients end a body with one (RFC 9112, 2.2).
        """
        self._is_at_boundary = not left
        received = len(left.lstrip(b"\r\n"))
        self._is_idle = True
        self.waits_since = monotonic()
        self._bytes_left = HEAD_BYTES
        self._read_until = self.waits_since + self._patience.idle_s
        if received:
            self._note_received(received)

    def has_repeated(self, now: float) -> None:
        """Note that a request was answered in the lane, at once."""
        self.waits_since = now
        self._read_until = now + self._patience.idle_s

    def sendall(self, sent: bytes) -> None:
        """Send all of it. Raises what `send_parts` does."""
        self.send_parts((sent,))

    send = sendall

    def send_parts(self, parts: tuple[Part, ...]) -> None:
        """Send them one behind the other, together and without a copy.

        Raises:
            ClientGone: the client has closed, or has taken too long over this answer.
        """
        try:
            count = self._sent_at_once(parts)
        except OSError as error:
            self._give_up(error)
        if count < sum(map(len, parts)):
            self.send_rest(parts, count)

    def send_rest(self, parts: tuple[Part, ...], count: int) -> None:
        """Send all but the first `count` bytes, of which the client has taken no more at once.

        Raises:
            ClientGone: as `send_parts` does.
        """
        try:
            self._wait_to_send(parts, count)
        except OSError as error:  # a TimeoutError is one
            self._give_up(error)

    def _give_up(self, error: OSError) -> NoReturn:
        self.reset()
        raise ClientGone(str(error)) from None

    def _sent_at_once(self, parts: tuple[Part, ...]) -> int:
        self._socket.settimeout(0)
        try:
            count: int = (
                self._socket.sendmsg(parts) if len(parts) > 1 else self._socket.send(parts[0])
            )
        except BlockingIOError:
            return 0
        return count

    def _wait_to_send(self, parts: tuple[Part, ...], count: int) -> None:
        self.waits_since = started = monotonic()
        largest = max(parts, key=len)
        # Who takes a slice keeps all that it is of.
        kept: Any = largest.obj if isinstance(largest, memoryview) else largest
        self._crowd.sending(self, kept)
        try:
            for part in parts:
                if count < len(part):
                    left_s = self._write_left_s - (monotonic() - started)
                    self._socket.settimeout(max(0.001, left_s))
                    self._socket.sendall(memoryview(part)[count:])
                count = max(0, count - len(part))
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

    def end_if_late(self, now: float) -> None:
        """Let an idle connection end whose time to ask is over."""
        if now >= self._read_until:
            self.end_if_idle()

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
        self.is_over = True
        reset(self._socket)

    def linger(self) -> None:
        """Let the client read the last answer though it may still be sending; bounded."""
        self._is_idle = True  # there is nothing left to say
        self._read_until = inf
        self.waits_since = monotonic()
        linger(self._socket)

    def close(self) -> None:
        """Close the socket."""
        self.is_over = True
        self._socket.close()

    def leave(self) -> None:
        """Take note that nobody serves it any more."""
        self._crowd.leave(self)
        if self._lane is not None and self.place is not None:
            self._lane.leave(self.place)

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
