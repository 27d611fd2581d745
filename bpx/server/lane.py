"""The fast lane: a request that is known, byte for byte, is answered without being parsed.

A bot sends the same request head again and again. The first time, gunicorn parses it and the
application answers, and if the answer is one that may be given again, the application hands over a
`Repeat`: a function that returns what it would answer now, or None if it has to be asked. The lane
remembers it by the bytes of the head and by where they came from (the port, and the client's
address), for those are all that is asked of a request. When the same bytes come again, the lane
calls the function and writes what it returns.

    Bell.wait -> os.read -> known? -> repeat() -> os.write -> Bell.wait -> ...
                             |          |           |
                 gunicorn <--+----------+           +--> Connection.send_rest

What keeps it right:

- It looks only at the boundary of two messages: the connection says where that is, and it is one
  only if gunicorn has nothing left over. So no part of a body can pass for a head.
- It compares whole reads. Half a head, two at once, a head with its body behind it: these are other
  bytes, nobody knows them, and gunicorn gets them as if there were no lane.
- It learns only bytes that gunicorn took for exactly one request without a body, in one read.
- Nothing has to be remembered to be forgotten: whatever may change (a view and its age, keys,
  limits, what is traded, that we stop) is looked at each time.

A client that does not take its answer at once goes on in the slow path, with its time-outs. How
long it may be idle is looked after by whoever listens: no timer is set for a request.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from math import inf
from os import read, write, writev
from time import monotonic, time
from typing import Any, Protocol

from gunicorn.util import http_date

from bpx.server.bell import Bell
from bpx.server.ending import ClientGone
from bpx.server.reply import SERVER

log = logging.getLogger(__name__)

Part = bytes | memoryview
Told = tuple[bytes, tuple[Part, ...], int]  # header lines with their end, body, its length
Repeat = Callable[[float], Told | None]  # monotonic seconds; None: the application has to be asked
Where = tuple[Any, str]  # a port, a client's address

HEADS = 8192  # that are remembered in all; each needs some 3 KB
HEAD_BYTES = 4 * 1024 * 1024  # of these
READ_BYTES = 8192  # at once, at most: as gunicorn does
LONGEST_HEAD = 2048  # bytes; longer ones are rare
SHARE = 2  # a client's address may have one in so many
_LOOKED_AT = 64  # addresses, of which the fullest has to give way
_COPIED_BYTES = 16 * 1024  # bytes of a body up to which one write of all is faster than several
_UNUSUAL = frozenset({"CONTENT-LENGTH", "TRANSFER-ENCODING", "EXPECT", "UPGRADE"})


class Client(Protocol):
    """A connection, as far as the lane knows it.

    Attributes:
        place: what is known where it came in.
        descriptor: its number.
        watcher: of its descriptor, for reading.
        is_over: it is closed, and its descriptor may be another's.
    """

    place: "Place | None"
    descriptor: int
    watcher: Any
    is_over: bool

    def has_repeated(self, now: float) -> None:
        """Take note that it was answered, at once."""

    def begin_answer(self) -> None:
        """Take note that it is written to."""

    def send_rest(self, parts: tuple[Part, ...], count: int) -> None:
        """Send all but the first `count` bytes. Raises ClientGone once it is over."""

    def reset(self) -> None:
        """Break it; then it is over."""

    def end_answer(self) -> None:
        """Take note that it may ask again."""


class Known:
    """A head that is known.

    Args:
        repeat: answers it.
        closes: whether the connection ends with the answer, as its client wants it.
    """

    __slots__ = ("closes", "repeat")

    def __init__(self, repeat: Repeat, closes: bool) -> None:
        self.repeat = repeat
        self.closes = closes


class Place(OrderedDict[bytes, Known]):
    """The heads that are known from one address on one port; the one longest unused first.

    Args:
        where: that is.
    """

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where = where
        self.clients = 0
        self.head_bytes = 0


class Lane:
    """What a worker remembers of requests, and how it answers them.

    Args:
        read_bytes: that are read at once.
        heads, head_bytes: that are remembered at most; of one client's address half as much.

    Attributes:
        is_open: whether anything is answered here.
    """

    def __init__(
        self, read_bytes: int = READ_BYTES, heads: int = HEADS, head_bytes: int = HEAD_BYTES
    ) -> None:
        self.is_open = True
        self._read_bytes = read_bytes
        self._heads_most, self._bytes_most = heads, head_bytes
        self._places: dict[Where, Place] = {}
        self._filled: dict[Where, Place] = {}  # those of which something is known
        self._heads = self._head_bytes = 0
        self._openings = b"", b""  # of an answer; the second is for who closes
        self._dated_until = -inf  # the end of the second that they tell

    def __len__(self) -> int:
        return self._heads

    def enter(self, where: Where) -> Place:
        """Return what is known where a connection has come in."""
        place = self._places.get(where)
        if place is None:
            place = self._places[where] = Place(where)
        place.clients += 1
        return place

    def leave(self, place: Place) -> None:
        """Take note that a connection has ended."""
        place.clients -= 1
        self._drop_if_empty(place)

    def answer_known(self, client: Client, *, is_fresh: bool = False) -> bytes:
        """Answer what is known; return the first bytes that are not, none if there are no more.

        Args:
            client: at the boundary of two messages.
            is_fresh: it has just connected, and will have asked already.
        """
        bell = Bell(client.watcher, is_rung=is_fresh)
        try:
            return self._first_unknown(client, bell)
        finally:
            bell.hang_up()

    def _first_unknown(self, client: Client, bell: Bell) -> bytes:
        place, descriptor, read_bytes = client.place, client.descriptor, self._read_bytes
        assert place is not None
        while not client.is_over:
            try:
                bell.wait()
                # Once it is over, the descriptor may be somebody else's.
                head = b"" if client.is_over else read(descriptor, read_bytes)
            except BlockingIOError:
                continue
            except OSError:  # it broke, or was closed by us
                break
            known = place.get(head)
            if known is None:
                return head
            place.move_to_end(head)
            if not self._has_answered(client, bell, known):
                return head
            if known.closes:
                break
        return b""

    def _has_answered(self, client: Client, bell: Bell, known: Known) -> bool:
        """Answer, if that can be done here. What was answered is not kept until the next time."""
        if not self.is_open:
            return False
        now = monotonic()
        try:
            told = known.repeat(now)
        except Exception:
            log.exception("an answer could not be repeated")
            return False
        if told is None:
            return False
        said, parts, length = told
        if now >= self._dated_until:
            self._date(now)
        opening = self._openings[known.closes]
        length += len(opening) + len(said)
        self._write(client, bell, (opening, said, *parts), length, now)
        return True

    def _write(
        self, client: Client, bell: Bell, parts: tuple[Part, ...], length: int, now: float
    ) -> None:
        try:
            if length <= _COPIED_BYTES:
                count = write(client.descriptor, b"".join(parts))
            else:
                count = writev(client.descriptor, parts)
        except BlockingIOError:
            count = 0
        except OSError:
            client.reset()
            return
        if count < length:
            bell.hang_up()
            _send_rest(client, parts, count)
        else:
            client.has_repeated(now)

    def _date(self, now: float) -> None:
        """Take note of how an answer begins, up to what the application says of it."""
        at = time()
        begin = f"HTTP/1.1 200 OK\r\nServer: {SERVER}\r\nDate: {http_date(at)}\r\n"
        self._openings = (
            f"{begin}Connection: keep-alive\r\n".encode(),
            f"{begin}Connection: close\r\n".encode(),
        )
        self._dated_until = now + 1 - at % 1

    def learn(self, place: Place, head: bytes, known: Known) -> None:
        """Remember a head; others, longest unused, may have to go."""
        self._forget(place, head)
        place[head] = known
        place.head_bytes += len(head)
        self._filled[place.where] = place
        self._heads += 1
        self._head_bytes += len(head)
        while SHARE * len(place) > self._heads_most or SHARE * place.head_bytes > self._bytes_most:
            self._forget(place, next(iter(place)))
        while self._heads > self._heads_most or self._head_bytes > self._bytes_most:
            fullest = max(islice(self._filled.values(), _LOOKED_AT), key=len)
            self._forget(fullest, next(iter(fullest)))

    def _forget(self, place: Place, head: bytes) -> None:
        if place.pop(head, None) is None:
            return
        place.head_bytes -= len(head)
        self._heads -= 1
        self._head_bytes -= len(head)
        if not place:
            del self._filled[place.where]
            self._drop_if_empty(place)

    def _drop_if_empty(self, place: Place) -> None:
        if not place and not place.clients:
            self._places.pop(place.where, None)


def is_one_request(head: bytes | None, request: Any) -> bool:
    """Whether these bytes are one whole request, as gunicorn has read it, and nothing else.

    Args:
        head: all that was read for it, if it was read at once.
        request: gunicorn's.
    """
    if head is None or len(head) > LONGEST_HEAD or request.version != (1, 1):
        return False
    is_whole = head.startswith(b"GET /") and head.find(b"\r\n\r\n") == len(head) - 4
    return is_whole and _UNUSUAL.isdisjoint(name for name, _ in request.headers)


def _send_rest(client: Client, parts: tuple[Part, ...], count: int) -> None:
    """Send what the client does not take at once, in the time that it has for that."""
    client.begin_answer()
    try:
        client.send_rest(parts, count)
    except ClientGone:
        return  # it is over
    client.end_answer()
