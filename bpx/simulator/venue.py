"""What a server of the simulator hosts: a modelled exchange, or a replayed recording.

A venue is pure: it has no sockets, no tasks and no clock of its own. It is told how far time has
come (`advance`) and says what was published until then; it is asked (`reply`) and answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """A REST request as it came over the wire. Header names are lower case."""

    method: str
    target: str  # raw path and query, byte for byte (latin-1)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"  # address whose weight is counted

    @property
    def path(self) -> str:
        """The raw path."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query, without the question mark."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class Reply:
    """A REST reply. The server adds Date, Content-Length and Content-Type if absent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A stream message: the bare payload, as a raw (not combined) connection would see it."""

    stream: str
    payload: bytes
    at_ms: int  # exchange time of publication


class Venue(Protocol):
    """One market."""

    market: str  # "spot" or "futures"
    now_ms: int  # the instant up to which everything is published

    def advance(self, to_ms: int) -> list[Message]:
        """Let time come to `to_ms`; return what subscribed streams published, in order."""

    def subscribe(self, stream: str) -> None:
        """Publish `stream` from now on, if it exists; whatever does not exist stays silent."""

    def unsubscribe(self, stream: str) -> None:
        """Stop publishing `stream`."""

    def reply(self, request: Request, as_of_ms: int | None = None) -> Reply:
        """Answer a REST request as of now, or as of an earlier instant it has published.

        With `as_of_ms` nothing is counted: no weight, no order. For comparisons.
        """
