"""How connections end: with a last answer that arrives, or so that nobody takes it for an end."""

import errno
import socket
import struct
from time import monotonic
from typing import Any

LINGER_S = 2.0
_LINGER_BYTES = 16 * 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientGone(ConnectionResetError):
    """The client closed the connection, or took its answer too slowly to be waited for."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.ECONNRESET, reason)


class RequestTooSlow(Exception):
    """The client began a request and did not finish it in time."""


class RequestTooLong(Exception):
    """The client sends more than a request may have, whatever that is."""


def shut(sock: Any, how: int) -> None:
    """Shut one direction, if the other side was not faster."""
    try:
        sock.shutdown(how)
    except OSError:
        return


def reset(sock: Any) -> None:
    """Break a connection, so that half an answer cannot pass for a whole one."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    except OSError:
        return  # the client was faster
    sock.close()


def linger(sock: Any, longest_s: float = LINGER_S) -> None:
    """Let the client read the last answer though it may still be sending.

    A socket that is closed with bytes unread resets the connection, and the answer is lost.
    """
    shut(sock, socket.SHUT_WR)
    until, left = monotonic() + longest_s, _LINGER_BYTES
    try:
        while left > 0 and (wait_s := until - monotonic()) > 0:
            sock.settimeout(wait_s)
            received = len(sock.recv(65536))
            if not received:
                return
            left -= received
    except OSError:
        return
