"""All clients of a worker together: how many there may be, and how much may wait for them.

Whatever is full, room is made by whoever has kept us waiting the longest.
"""

from collections.abc import Iterator
from heapq import nsmallest
from typing import Protocol

UNREAD_BYTES = 16 * 1024 * 1024  # of requests that are not complete
UNSENT_BYTES = 32 * 1024 * 1024  # of answers that clients do not take
_SHARE_TO_GO = 100  # a hundredth: who has to go is not looked for with every newcomer


class Member(Protocol):
    """A client's connection.

    Attributes:
        waits_since: monotonic seconds since when we wait for the client; None if it waits for us.
    """

    waits_since: float | None

    def end(self) -> None:
        """End the connection now, whatever it is doing."""


class Crowd:
    """The connections of some ports. One thread's greenlets share it; nothing here waits.

    Args:
        most: connections there may be before the first have to go.
        unread_bytes: of requests that are not complete, of all connections together.
        unsent_bytes: of answers that are not taken; what several wait for counts once.
    """

    def __init__(
        self, most: int, unread_bytes: int = UNREAD_BYTES, unsent_bytes: int = UNSENT_BYTES
    ) -> None:
        self._most = most
        self._unread_most = unread_bytes
        self._unsent_most = unsent_bytes
        self._members: set[Member] = set()
        self._unread: dict[Member, int] = {}
        self._unread_bytes = 0
        self._unsent: dict[Member, bytes] = {}  # in the order in which they began to wait
        self._waiting_for: dict[int, int] = {}  # how many, by the identity of the answer
        self._unsent_bytes = 0

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._members))

    def enter(self, member: Member) -> None:
        """Take a connection in; if that makes too many, some go."""
        self._members.add(member)
        if len(self._members) > self._most:
            self._make_room(self._members)

    def leave(self, member: Member) -> None:
        """Forget a connection."""
        self._members.discard(member)
        self.read(member)
        self.sent(member)

    def reading(self, member: Member, count: int) -> None:
        """Take note that `count` more bytes of a connection's request are kept."""
        self._unread[member] = self._unread.get(member, 0) + count
        self._unread_bytes += count
        if self._unread_bytes > self._unread_most:
            self._make_room(self._unread)

    def read(self, member: Member) -> None:
        """Take note that a connection's request is complete, or given up."""
        self._unread_bytes -= self._unread.pop(member, 0)

    def sending(self, member: Member, answer: bytes) -> None:
        """Take note that a connection's client does not take all of its answer at once."""
        self._unsent[member] = answer
        self._waiting_for[id(answer)] = self._waiting_for.get(id(answer), 0) + 1
        if self._waiting_for[id(answer)] == 1:
            self._unsent_bytes += len(answer)
        while self._unsent_bytes > self._unsent_most and len(self._unsent) > 1:
            slowest = next(iter(self._unsent))
            self.sent(slowest)
            slowest.end()

    def sent(self, member: Member) -> None:
        """Take note that the client has taken its answer, or is given up."""
        answer = self._unsent.pop(member, None)
        if answer is None:
            return
        self._waiting_for[id(answer)] -= 1
        if not self._waiting_for[id(answer)]:
            del self._waiting_for[id(answer)]
            self._unsent_bytes -= len(answer)

    def _make_room(self, among: set[Member] | dict[Member, int]) -> None:
        waiting = [(one.waits_since, id(one), one) for one in among if one.waits_since is not None]
        for _, _, one in nsmallest(max(1, len(waiting) // _SHARE_TO_GO), waiting):
            self.leave(one)
            one.end()
