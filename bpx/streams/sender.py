"""The sending side of RFC 6455: frames of ours, masked, each gone within a time or never."""

import socket
from threading import Lock

from websocket import ABNF

from bpx.errors import StreamLost
from bpx.runtime import Runtime
from bpx.streams.frames import Opcode

FAULTS = (OSError, ValueError, AttributeError)
# The last two: a TLS socket that another task closes has nothing to read from or write to.


class Sender:
    """Sends one frame after the other; any task may.

    Args:
        link: an open connection; its time-out bounds every single wait.
        runtime: time.
    """

    def __init__(self, link: socket.socket, runtime: Runtime) -> None:
        self._link = link
        self._runtime = runtime
        self._sending = Lock()

    def send(self, payload: bytes, opcode: Opcode, within_s: float) -> None:
        """Send a frame. If that fails, half of it may be gone: the connection is of no more use.

        Raises:
            StreamLost: the other side does not take it all within `within_s`, or has gone.
        """
        until = self._runtime.now() + within_s
        if not self._sending.acquire(timeout=within_s):
            raise StreamLost("it takes nothing any more")
        try:
            self._send_all(ABNF.create_frame(payload, opcode).format(), until)
        finally:
            self._sending.release()

    def _send_all(self, frame: bytes, until: float) -> None:
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[self._link.send(rest) :]
            except TimeoutError:
                pass  # of one wait: there is a time for all of them
            except FAULTS as error:
                raise StreamLost(f"the connection broke: {error}") from error
            if rest and self._runtime.now() > until:
                raise StreamLost("it takes nothing any more")
