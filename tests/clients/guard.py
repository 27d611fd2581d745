"""Which addresses this process may connect to, while somebody says so."""

import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost")


class Stranger(Exception):
    """A connection to somewhere else was tried, and refused."""


@dataclass
class Guard:
    """Refuses connections in all threads of this process, by Python's audit events."""

    ports: Set[int] | None = None  # None: nothing is refused
    strangers: list[str] = field(default_factory=list)
    is_hooked: bool = False

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Refuse what is not allowed; Python calls it before it connects or resolves a name."""
        if self.ports is None:
            return
        if event == "socket.connect":
            host, port = arguments[1][:2]
            if host not in LOOPBACK or port not in self.ports:
                self._refuse(f"{host}:{port}")
        elif event == "socket.getaddrinfo" and arguments[0] not in LOOPBACK:
            self._refuse(str(arguments[0]))

    def _refuse(self, stranger: str) -> None:
        self.strangers.append(stranger)
        raise Stranger(stranger)


_GUARD = Guard()


@contextmanager
def connecting_only_to(ports: Set[int]) -> Iterator[None]:
    """Refuse every connection but to these ports of this host; none may even be tried.

    Raises:
        Stranger: one was tried, even if its caller has swallowed the refusal.
    """
    if not _GUARD.is_hooked:
        _GUARD.is_hooked = True
        sys.addaudithook(_GUARD.look)  # for good: there is no way to take it off
    _GUARD.strangers.clear()
    _GUARD.ports = ports
    try:
        yield
    finally:
        _GUARD.ports = None
        if _GUARD.strangers:
            raise Stranger(", ".join(_GUARD.strangers))
