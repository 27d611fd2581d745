"""What a cache answers: the body of a reply, and what is to be said about it."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol, TypeVar

from bpx.cache.cell import Cell, View
from bpx.errors import OverShare, Refused
from bpx.exchange.query import Params
from bpx.feed.feed import Feed
from bpx.runtime import Runtime

V = TypeVar("V", bound=View)
T = TypeVar("T")

KEPT_ANSWERS = 8  # of one view: bots of one kind ask for the same
REST_WAIT_S = 12.0  # as long as a public call may take in all
ATTEMPTS = 3  # REST questions that one request may wait for

STREAM, CACHE, UPSTREAM = "websocket", "cache", "upstream"
JSON = "application/json;charset=UTF-8"  # as Binance writes it

Part = bytes | memoryview  # of a body


class Answer(NamedTuple):
    """A reply made here.

    Args:
        parts: of its body, one behind the other.
        source: what `Data-Source` is to say.
        confirmed_at: when it was last proved, in monotonic seconds.
        is_synthetic: whether its last candle is made by us.
        coding: Content-Encoding of the body, if any.
        varies: whether that depends on Accept-Encoding.
    """

    parts: tuple[Part, ...]
    source: str
    confirmed_at: float
    is_synthetic: bool = False
    coding: str | None = None
    varies: bool = False

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.parts)


# An answer, and the feed that it is of, if it is of one: whoever gives it says that was asked for.
Given = tuple[Answer, Feed[Any] | None]
Again = Callable[[float], Given | None]  # monotonic seconds


class Answers(Protocol):
    """Answers the requests of one endpoint."""

    def again(self, params: Params, codings: str) -> Again:
        """Return what answers a request at once, whenever it is called; None if it cannot.

        It is for requests that `answer` has answered: nothing is begun for it. Takes what `answer`
        does.
        """

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer a request that is understood; None if Binance has to be asked.

        Args:
            params: of the request.
            codings: its Accept-Encoding.
            client: whose it is.

        Raises:
            RequestFailed: Binance could not be asked.
        """


def headers_of(answer: Answer, age_ms: str, length: str) -> list[tuple[str, str]]:
    """Return the headers of a reply that is such an answer, in their order."""
    headers = [("Content-Type", JSON), ("Data-Source", answer.source)]
    if answer.source != UPSTREAM:
        headers.append(("Data-Age-Ms", age_ms))
    if answer.is_synthetic:
        headers.append(("Data-Synthetic", "1"))
    if answer.varies:
        headers.append(("Vary", "Accept-Encoding"))
    if answer.coding is not None:
        headers.append(("Content-Encoding", answer.coding))
    headers.append(("Content-Length", length))
    return headers


def keep(cell: Cell[V], view: V, key: Hashable, answer: Answer) -> Answer:
    """Return the answer, and keep it by the side of its view for whoever asks next.

    Args:
        cell: of the view.
        view: that the answer was made of.
        key: what was asked for.
        answer: as it is for as long as the view is the newest. It does not know its feed, which
            would then know itself, and never be freed where what lasts is frozen.
    """
    if len(cell.kept) >= KEPT_ANSWERS:
        cell.kept.clear()
    cell.kept[key] = view, answer
    return answer


def source_of(feed: Feed[V], now: float) -> str | None:
    """Return what a feed's view is worth now: None if it is no answer."""
    if feed.is_fresh(now):
        return STREAM
    return CACHE if feed.is_kept(now) else None


def obtained(
    feed: Feed[V],
    runtime: Runtime,
    rows: int,
    read: Callable[[V], T | None],
    is_current: Callable[[V], bool],
    client: str,
) -> tuple[V, T] | None:
    """Have REST asked for what a view lacks, and wait for a view that will do.

    What REST has just said will do if `read` finds in it what was asked for; a view that the
    stream has made meanwhile will do if it `is_current`. All who wait share one question, which is
    charged to the client that came first.

    Returns:
        The view and what was read from it; None if there is none in time.

    Raises:
        RequestFailed: REST could not be asked.
    """
    deadline = runtime.now() + REST_WAIT_S
    for _ in range(ATTEMPTS):
        loads, failures = feed.loads, feed.cell.failures
        try:
            is_ours = feed.want(rows, client=client)
            view = feed.cell.wait_for(
                lambda view: feed.loads != loads or is_current(view),  # noqa: B023
                deadline - runtime.now(),
                failures,
            )
        except Refused:  # Binance's own words are for whoever asks it
            return None
        except OverShare:
            if is_ours:
                raise
            continue  # another client has had its part: we may have ours
        if view is None:
            return None
        content = read(view)
        if content is not None:
            return view, content
    return None
