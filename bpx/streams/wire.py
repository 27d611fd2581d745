"""The wire of stream connections: one WebSocket, opened, read, written and hung up in time."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from math import inf
from ssl import SSLSocket
from termios import FIONREAD

from bpx.errors import Loss, StreamLost
from bpx.runtime import DeadlinePassed, Runtime
from bpx.streams.frames import TEXT, BadFrame, Frames, Message, Opcode, close_code
from bpx.streams.handshake import upgraded
from bpx.streams.sender import FAULTS, Sender

MESSAGE_WITHIN_S = 10.0  # from the first byte of a message to its last
SEND_WITHIN_S = 10.0  # until the last byte of ours is taken
FAREWELL_WITHIN_S = 1.0  # the same for a close frame, which nobody may need any more
BUSY_S = 0.008  # a connection is busy on which something comes so soon after the last
GATHER_S = 0.003  # it is then left alone for as long: to wake up costs more than to read
GOOD_BYE = 1000
_NONE = bytes(4)  # no bytes, as the system says it
CLEAN_CODES = frozenset({None, 1000, 1001, 1012})


@dataclass(frozen=True, slots=True)
class Wire:
    """How connections are made and kept.

    Args:
        handshake_timeout_s: to connect, TLS and the upgrade included.
        ping_interval_s: our own pings, in any case.
        pong_timeout_s: a connection that says nothing for as long after a ping is lost.
        alive_s: a connection is alive if it has said anything in this time; it is pinged when
            it has been silent for half of it.
        reconnect_delay_s, max_reconnect_delay_s: tops of the first and the longest wait.
        queue_size: messages that may wait for one feed.
        ca_file: certificates to trust besides the usual ones, or None.
        buffer_size: bytes that are asked of the socket at once.
        compression: whether permessage-deflate is offered.
        max_age_s: a connection is replaced when it is about as old, never older.
        max_reconnects: as many failures in a row open the breaker.
        stable_s: who lived as long starts its back-off afresh.
        overlap_s: longest time that a connection and its successor are open together.
    """

    handshake_timeout_s: float = 30.0
    ping_interval_s: float = 30.0
    pong_timeout_s: float = 60.0
    alive_s: float = 5.0
    reconnect_delay_s: float = 1.0
    max_reconnect_delay_s: float = 300.0
    queue_size: int = 1000
    ca_file: str | None = None
    buffer_size: int = 4096
    compression: bool = True
    max_age_s: float = 23 * 3600.0
    max_reconnects: int = 10
    stable_s: float = 60.0
    overlap_s: float = 20.0


class Socket:
    """An open WebSocket. One task may receive while others send.

    On a busy connection messages are left to come together, unless something waits to be read.

    Args:
        link: below it; its time-out bounds every single wait.
        frames: puts together what comes.
        buffer_size: bytes that are asked of `link` at once.
    """

    def __init__(
        self, link: socket.socket, frames: Frames, buffer_size: int, runtime: Runtime
    ) -> None:
        self._link = link
        self._frames = frames
        self._buffer_size = buffer_size
        self._runtime = runtime
        self._timeout_s = link.gettimeout() or 0.0
        self._sender = Sender(link, runtime)
        self._amid_since: float | None = None
        self._is_overdue = False
        self._came_at = -inf
        self._is_busy = False

    def receive(self) -> Message:
        """Return the next message, a ping (answered already) or a pong.

        Raises:
            TimeoutError: nothing came in time; the connection stays as it is.
            StreamLost: with its kind; the connection is of no more use.
        """
        began: float | None = None
        while (message := self._next()) is None:
            now = self._runtime.now()
            if began is None:
                began = now  # however late we are: what waits in the socket is read first
            else:
                self._check_pace(began, now)
            self._fill(now)
        if self._amid_since is not None:
            self._check_progress()
        return message if message[0] is TEXT else self._obeyed(*message)

    def send(self, text: str) -> None:
        """Send a text message.

        Raises:
            StreamLost: it is not gone in time; the connection is of no more use.
        """
        self._sender.send(text.encode(), Opcode.TEXT, SEND_WITHIN_S)

    def ping(self, payload: bytes) -> None:
        """Send a ping, of at most 125 bytes; its answer repeats them.

        Raises:
            StreamLost: it is not gone in time; the connection is of no more use.
        """
        self._sender.send(payload, Opcode.PING, SEND_WITHIN_S)

    def close(self) -> None:
        """Say good-bye, if the other side takes that at once, and hang up."""
        self._say_farewell(GOOD_BYE)
        self.hang_up()

    def hang_up(self) -> None:
        """Close without a word, and wake whoever receives. It may be called again."""
        with suppress(*FAULTS):
            self._link.shutdown(socket.SHUT_RDWR)
        with suppress(*FAULTS):
            self._link.close()

    def _next(self) -> Message | None:
        try:
            return self._frames.next()
        except BadFrame as error:
            self._say_farewell(error.code)
            self._frames = Frames()  # an error may be kept, and must not keep megabytes
            cause = error.with_traceback(None)
        raise StreamLost(f"against the protocol: {cause}", Loss.PROTOCOL) from cause

    def _check_progress(self) -> None:
        """Give up a message that only control frames come of. It may be we who were late, once."""
        since = self._amid_since
        if not self._frames.is_within_message:
            self._amid_since, self._is_overdue = None, False
        elif since is not None and self._runtime.now() - since > MESSAGE_WITHIN_S:
            if self._is_overdue:
                raise StreamLost("a message that is not completed")
            self._is_overdue = True

    def _check_pace(self, began: float, now: float) -> None:
        """Give up what has begun and takes for ever, were it a byte at a time."""
        if self._amid_since is not None and now - self._amid_since > MESSAGE_WITHIN_S:
            raise StreamLost("a message that is not completed")
        if now - began > self._timeout_s:
            raise TimeoutError

    def _fill(self, now: float) -> None:
        if self._amid_since is None and self._frames.is_amid:
            self._amid_since = now
        try:
            if self._is_busy and self._is_drained():
                self._runtime.sleep(GATHER_S)
            chunk = self._link.recv(self._buffer_size)
        except TimeoutError:
            self._check_pace(now, now)
            raise
        except FAULTS as error:
            raise StreamLost(f"the connection broke: {error}") from error
        if not chunk:
            raise StreamLost("the connection ended without a word")
        before, self._came_at = self._came_at, self._runtime.now()
        # As much as was asked for: there is more, which is not to be looked for.
        self._is_busy = self._came_at - before < BUSY_S and len(chunk) < self._buffer_size
        self._frames.feed(chunk)

    def _is_drained(self) -> bool:
        """Whether nothing can be read at once: neither of the socket, nor of a TLS record."""
        if isinstance(self._link, SSLSocket) and self._link.pending():
            return False
        return ioctl(self._link.fileno(), FIONREAD, _NONE) == _NONE

    def _obeyed(self, opcode: Opcode, payload: bytes) -> Message:
        """Answer a ping or close frame."""
        if opcode is Opcode.PING:
            self._sender.send(payload, Opcode.PONG, SEND_WITHIN_S)
        elif opcode is Opcode.CLOSE:
            code = close_code(payload)
            self._say_farewell(code)
            loss = Loss.CLOSED if code in CLEAN_CODES else Loss.LOST
            raise StreamLost(f"closed by the exchange: {code} {payload[2:]!r}", loss)
        return opcode, payload

    def _say_farewell(self, code: int | None) -> None:
        with suppress(StreamLost):
            payload = b"" if code is None else code.to_bytes(2)
            self._sender.send(payload, Opcode.CLOSE, FAREWELL_WITHIN_S)


def opened(url: str, wire: Wire, runtime: Runtime, timeout_s: float) -> Socket:
    """Connect, TLS and the upgrade included; later waits are bounded by `timeout_s` each.

    Raises:
        StreamLost: there is no connection within `wire.handshake_timeout_s`, or none at all.
    """
    until = runtime.now() + wire.handshake_timeout_s
    try:
        with runtime.deadline(wire.handshake_timeout_s):
            link, inflate = upgraded(
                url,
                wire.handshake_timeout_s,
                is_late=lambda: runtime.now() > until,
                compression=wire.compression,
                ca_file=wire.ca_file,
            )
    except DeadlinePassed as error:
        raise StreamLost(f"cannot connect: {error}", Loss.UNREACHABLE) from error
    link.settimeout(timeout_s)
    return Socket(link, Frames(inflate), wire.buffer_size, runtime)
