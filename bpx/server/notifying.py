"""What the service manager is told of a server: see sd_notify(3) of systemd."""

import os
from collections.abc import MutableMapping
from contextlib import suppress
from socket import AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM, socket

_ADDRESS = "NOTIFY_SOCKET"
_WATCHED = "WATCHDOG_USEC"
_BETWEEN_S = 1.0  # the shortest time between two signs of life
_US = 1_000_000


class Notifying:
    """Tells whoever has started the server, if they want to know.

    It has to begin in the master, before workers are forked. What it sends neither waits nor fails:
    its module is loaded before sockets are patched. The worker says that it serves and lives, as
    only it can know; the master says what it does itself.
    """

    def __init__(self) -> None:
        self._address = ""
        self._is_watched = False
        self._alive_at = float("-inf")

    def begin(self, environ: MutableMapping[str, str]) -> None:
        """Take over the socket that `environ` names: gunicorn would say ready too early."""
        address = environ.pop(_ADDRESS, "")
        self._is_watched = _WATCHED in environ
        if address[:1] in ("/", "@"):
            self._address = f"\0{address[1:]}" if address[0] == "@" else address

    def ready(self, status: str = "serving", main_pid: int | None = None) -> None:
        """Say that requests are served.

        Args:
            status: in a few words, for people.
            main_pid: of the master; our own by default.
        """
        self._say(f"READY=1\nMAINPID={main_pid or os.getpid()}\nSTATUS={status}")

    def alive(self, now: float) -> None:
        """Give a sign of life, if somebody waits for it."""
        if self._is_watched and now - self._alive_at >= _BETWEEN_S:
            self._alive_at = now
            self._say("WATCHDOG=1")

    def reloading(self, now: float) -> None:
        """Say that the options are read anew; `ready` ends it."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={int(now * _US)}\nSTATUS=reloading")

    def stopping(self, within_s: float) -> None:
        """Say that the server stops.

        Args:
            within_s: longest time that it will take; nobody is to kill it before.
        """
        self._say(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={int(within_s * _US)}\nSTATUS=stopping")

    def _say(self, message: str) -> None:
        if self._address:
            # An error: they have gone, or have more to read than they can.
            with suppress(OSError), socket(AF_UNIX, SOCK_DGRAM) as sender:
                sender.sendto(message.encode(), MSG_DONTWAIT, self._address)
