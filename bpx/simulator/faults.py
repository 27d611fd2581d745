"""The switchboard of faults: what a test can make the exchange do wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from threading import Lock


class Ending(Enum):
    """How the answer to a REST request ends."""

    REPLY = "reply"  # as it should
    CLOSE = "close"  # the connection closes after the request was read
    STALL = "stall"  # nothing comes, ever
    HALF = "half"  # the head and half of the body come, then the connection closes


@dataclass(frozen=True, slots=True)
class RestFault:
    """What happens to the REST requests whose target begins with `prefix`.

    Args:
        prefix: of the raw target; "" for all.
        method: only requests with this method; None for any.
        status: of a made-up reply; None leaves the exchange's own.
        body: of the made-up reply.
        headers: of the made-up reply.
        delay_s: how long to wait before anything is sent, in real seconds.
        ending: how the answer ends.
        is_delivered: whether the exchange carries the request out, for the faults after which
            the client cannot know: an order placed although no reply came. A made-up reply
            (`status`) with `is_delivered` replaces the real one after it was computed.
    """

    prefix: str = ""
    method: str | None = None
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    ending: Ending = Ending.REPLY
    is_delivered: bool = True

    def matches(self, method: str, target: str) -> bool:
        """Return whether a request is meant."""
        return target.startswith(self.prefix) and self.method in (None, method)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How handshakes of streams are refused."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Misanswer:
    """How control messages of streams are answered.

    Args:
        replies: made from the id of a message; none for silence.
        is_obeyed: whether what was asked for is done all the same.
        delay_s: how long the replies take, in real seconds.
    """

    replies: Callable[[int], Sequence[bytes]]
    is_obeyed: bool = False
    delay_s: float = 0.0


Alter = Callable[[bytes], Sequence[bytes]]  # what is sent in place of a message


class Faults:
    """What is broken right now. Any thread may switch; the server looks before it acts."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rest: list[tuple[RestFault, int | None]] = []
        self._refusal: tuple[Refusal, int | None] | None = None
        self._silenced: tuple[str, ...] = ()
        self._altered: tuple[tuple[str, Alter], ...] = ()
        self._misanswer: Misanswer | None = None
        self._deaf = False
        self._pingless = False
        self._uncompressed = False

    @property
    def is_deaf(self) -> bool:
        """Whether connections are neither read nor written: a black hole."""
        return self._deaf

    @property
    def is_pingless(self) -> bool:
        """Whether the server sends no pings."""
        return self._pingless

    @property
    def is_uncompressed(self) -> bool:
        """Whether handshakes decline permessage-deflate."""
        return self._uncompressed

    def break_rest(self, fault: RestFault, times: int | None = None) -> None:
        """Let `fault` happen to the next `times` requests it means; None for all of them.

        The newest fault that matches wins.
        """
        with self._lock:
            self._rest.insert(0, (fault, times))

    def take_rest(self, method: str, target: str) -> RestFault | None:
        """Return the fault of this request, and count it as used."""
        with self._lock:
            for position, (fault, left) in enumerate(self._rest):
                if fault.matches(method, target):
                    self._use(position, fault, left)
                    return fault
        return None

    def refuse_handshakes(self, refusal: Refusal, times: int | None = None) -> None:
        """Answer the next `times` handshakes (None for all) with an HTTP reply."""
        with self._lock:
            self._refusal = (refusal, times)

    def take_refusal(self) -> Refusal | None:
        """Return how this handshake is refused, and count it; None if it is welcome."""
        with self._lock:
            if self._refusal is None:
                return None
            refusal, left = self._refusal
            if left is not None:
                self._refusal = (refusal, left - 1) if left > 1 else None
            return refusal

    def silence(self, *patterns: str) -> None:
        """Acknowledge streams that match (`*@depth*`), but send nothing on them.

        Replaces what was silenced before; with no pattern nothing is.
        """
        self._silenced = patterns

    def is_silenced(self, stream: str) -> bool:
        """Return whether nothing may be sent on `stream`."""
        return any(fnmatchcase(stream, pattern) for pattern in self._silenced)

    def alter(self, pattern: str, alter: Alter) -> None:
        """Send what `alter` makes of each message of streams that match, in its place.

        Of several that match, the newest counts.
        """
        self._altered = ((pattern, alter), *self._altered)

    def altered(self, stream: str, payload: bytes) -> Sequence[bytes]:
        """Return what is sent in place of a message."""
        for pattern, alter in self._altered:
            if fnmatchcase(stream, pattern):
                return alter(payload)
        return (payload,)

    def answer_control(self, misanswer: Misanswer | None) -> None:
        """Answer control messages in another way than they should be."""
        self._misanswer = misanswer

    @property
    def misanswer(self) -> Misanswer | None:
        """How control messages are answered, if not as they should be."""
        return self._misanswer

    def black_hole(self, on: bool = True) -> None:
        """Neither read from nor write to stream connections, and keep them open."""
        self._deaf = on

    def stop_pinging(self, on: bool = True) -> None:
        """Send no pings."""
        self._pingless = on

    def decline_compression(self, on: bool = True) -> None:
        """Agree to no permessage-deflate with whoever connects from now on."""
        self._uncompressed = on

    def clear(self) -> None:
        """Mend everything."""
        with self._lock:
            self._rest.clear()
            self._refusal = None
            self._silenced, self._altered, self._misanswer = (), (), None
            self._deaf = self._pingless = self._uncompressed = False

    def _use(self, position: int, fault: RestFault, left: int | None) -> None:
        if left is not None and left > 1:
            self._rest[position] = (fault, left - 1)
        elif left is not None:
            del self._rest[position]
