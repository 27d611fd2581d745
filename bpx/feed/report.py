"""What there is to say of a feed."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from bpx.cache.cell import Cell


class State(Enum):
    """What a feed's view is worth. The worst comes first."""

    DISCONNECTED = "disconnected"  # the connection that carries its streams is not alive
    STALE = "stale"  # it may have missed something, and is asked for anew by whoever asks
    STARTING = "starting"  # nothing has come yet
    KEPT = "kept"  # REST's word of a moment ago
    FRESH = "fresh"  # what the exchange would say now


class Record:
    """What a feed has been through.

    Attributes:
        messages: of its streams, that it has taken.
        repairs: how often REST had to be asked for what was missing, or a stream subscribed anew.
        trouble: what went wrong last, and when; None if nothing did.
    """

    __slots__ = ("messages", "repairs", "trouble")

    def __init__(self) -> None:
        self.messages = self.repairs = 0
        self.trouble: tuple[str, float] | None = None

    def note(self, trouble: str, now: float) -> None:
        """Take note of what went wrong."""
        self.trouble = trouble, now


class Observed(Protocol):
    """What can be said of a feed."""

    name: str
    cell: Cell[Any]
    asked_at: float
    loads: int
    record: Record

    def is_fresh(self, now: float) -> bool:
        """Whether the view is what the exchange would answer now."""

    def is_alive(self, now: float) -> bool:
        """Whether the connection that carries it is."""

    def is_kept(self, now: float) -> bool:
        """Whether the view is REST's word of a moment ago."""


@dataclass(frozen=True, slots=True)
class Reported:
    """How a feed is.

    Args:
        name: what it follows.
        state: what its view is worth.
        age_s: since the view was last proved; None if there is none.
        asked_s: since a client asked for it.
        waiting: clients that wait for it now.
        messages: of its streams, that it has taken.
        loads: replies of REST, that it has taken.
        repairs: how often REST had to be asked for what was missing.
        trouble, trouble_s: what went wrong last, and how long ago; None if nothing did.
    """

    name: str
    state: State
    age_s: float | None
    asked_s: float
    waiting: int
    messages: int
    loads: int
    repairs: int
    trouble: str | None
    trouble_s: float | None


def reported(feed: Observed, now: float) -> Reported:
    """Return how a feed is."""
    view, trouble = feed.cell.view, feed.record.trouble
    return Reported(
        name=feed.name,
        state=state_of(feed, now),
        age_s=None if view is None else now - view.confirmed_at,
        asked_s=now - feed.asked_at,
        waiting=feed.cell.waiting,
        messages=feed.record.messages,
        loads=feed.loads,
        repairs=feed.record.repairs,
        trouble=None if trouble is None else trouble[0],
        trouble_s=None if trouble is None else now - trouble[1],
    )


def state_of(feed: Observed, now: float) -> State:
    """Return what a feed's view is worth."""
    if feed.is_fresh(now):
        return State.FRESH
    if feed.is_kept(now):
        return State.KEPT
    if not feed.is_alive(now):
        return State.DISCONNECTED
    return State.STARTING if feed.cell.view is None else State.STALE
