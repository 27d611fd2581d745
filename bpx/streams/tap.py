"""What one feed hears: the messages of its streams, in one bounded queue."""

from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from bpx import metrics


class Arrival(NamedTuple):
    """A message of a stream.

    Args:
        stream: its name.
        payload: the bare payload, whether the connection was combined or not.
        at: when it was read, in monotonic seconds.
        generation: of the tap, when it was read.
    """

    stream: str
    payload: bytes
    at: float
    generation: int


class Line:
    """How a connection is: `alive_until` is kept by it, in monotonic seconds."""

    __slots__ = ("alive_until",)

    def __init__(self) -> None:
        self.alive_until = 0.0


class Tap:
    """The streams of one feed, as one queue.

    A *generation* is a time without a break: it ends when the connection is lost, when the
    queue is full and a message is dropped, or when the streams are subscribed anew. What a feed
    knows from an earlier generation may be out of date, and it can tell.

    Args:
        market: for metrics.
        streams: their names.
        most_messages: how many may wait; one more breaks the tap.
    """

    def __init__(self, market: str, streams: tuple[str, ...], most_messages: int) -> None:
        self.streams = streams
        self.generation = 0
        self.subscribed_at: float | None = None  # all its streams, in this generation
        self.line = Line()  # of the connection that carries them
        self._market = market
        self._most_messages = most_messages
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._acknowledged: set[str] = set()

    def put(self, stream: str, payload: bytes, at: float) -> None:
        """Add a message; if it does not fit it is dropped, and the tap broken."""
        if self._queue.qsize() >= self._most_messages:
            metrics.QUEUE_OVERFLOWS.labels(self._market).inc()
            self.generation += 1
            return
        self._queue.put(Arrival(stream, payload, at, self.generation))

    @property
    def waiting(self) -> int:
        """How many messages and events wait to be heard."""
        return self._queue.qsize()

    def tell(self, event: object) -> None:
        """Add something that is not a message, and never dropped."""
        self._queue.put(event)

    def next(self, timeout_s: float) -> Any | None:
        """Return what came next, or None after `timeout_s`."""
        try:
            return self._queue.get(timeout=timeout_s)
        except Empty:
            return None

    def acknowledge(self, stream: str, at: float) -> None:
        """Take note that the exchange has subscribed `stream`."""
        self._acknowledged.add(stream)
        if len(self._acknowledged) == len(self.streams) and self.subscribed_at is None:
            self.subscribed_at = at

    def break_off(self) -> None:
        """Begin a new generation: messages may have been missed, and nothing is subscribed."""
        self.generation += 1
        self.subscribed_at = None
        self._acknowledged.clear()
