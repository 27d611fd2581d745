"""A client's connection that speaks TLS, for whoever knows only plain ones.

Imported in workers only: it needs what gevent patches.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from gevent import socket

T = TypeVar("T")

RECORD_BYTES = 16 * 1024  # at most, of what is encrypted as one: RFC 8446, 5.1


class SecureSocket:
    """What `Connection` needs of a socket, on top of TLS.

    The client may agree on TLS in the time that it has for its first request. A wait has one end,
    however slowly a record drips in.

    Args:
        plain: the accepted socket.
        context: whose certificate it shows.
    """

    def __init__(self, plain: Any, context: Any) -> None:
        self._tls = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._tls.settimeout(0)
        self._timeout_s: float | None = None
        self._has_agreed = False
        self._seen = b""  # that was only looked at

    def settimeout(self, seconds: float | None) -> None:
        """Set how long one call may wait; 0 is not at all, None as long as it takes."""
        self._timeout_s = seconds

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the next bytes, or, with MSG_PEEK, only look at them.

        Raises:
            BlockingIOError: there are none, and it is not to wait.
            TimeoutError: none came in time.
            OSError: the client broke off, or does not speak TLS as we want it.
        """
        if not self._seen:
            self._seen = self._patiently(lambda: self._received(size))
        received = self._seen[:size]
        if not flags & socket.MSG_PEEK:
            self._seen = self._seen[size:]
        return received

    def send(self, content: Any) -> int:
        """Send the beginning, one record at most; return how much that was. Raises as `recv`."""
        # OpenSSL wants to be given the same again where it has to wait: the cuts are always equal.
        part = memoryview(content)[:RECORD_BYTES]
        count: int = self._patiently(lambda: self._tls.send(part))
        return count

    def sendmsg(self, parts: Any) -> int:
        """Send the beginning of the first part that is not empty. Raises as `recv`."""
        return self.send(next((part for part in parts if len(part)), b""))

    def sendall(self, content: Any) -> None:
        """Send everything, in the time of one call. Raises as `recv`."""
        until = None if self._timeout_s is None else monotonic() + self._timeout_s
        left = memoryview(content)
        while left:
            if until is not None:
                self._timeout_s = max(0.001, until - monotonic())
            left = left[self.send(left) :]

    def shutdown(self, how: int) -> None:
        """End one direction of the connection beneath."""
        socket.socket.shutdown(self._tls, how)

    def setsockopt(self, *args: Any) -> None:
        """Set an option of the connection beneath."""
        self._tls.setsockopt(*args)

    def close(self) -> None:
        """Say that nothing more comes (RFC 8446, 6.1), if that goes at once, and close."""
        with suppress(OSError, ValueError):
            self._tls.unwrap()
        self._tls.close()

    def getpeername(self) -> Any:
        """Return the client's address."""
        return self._tls.getpeername()

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._tls.fileno())

    def _received(self, size: int) -> bytes:
        if not self._has_agreed:
            self._tls.do_handshake()
            self._has_agreed = True
        received: bytes = self._tls.recv(size)
        return received

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Try until it goes or the time is over."""
        until = None if self._timeout_s is None else monotonic() + self._timeout_s
        while True:
            try:
                return attempt()
            except ssl.SSLWantReadError:
                wait = socket.wait_read
            except ssl.SSLWantWriteError:
                wait = socket.wait_write
            if self._timeout_s == 0:
                raise BlockingIOError
            left_s = None if until is None else max(0.001, until - monotonic())
            wait(self.fileno(), timeout=left_s, timeout_exc=TimeoutError("timed out"))
