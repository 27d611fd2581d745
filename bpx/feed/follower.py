"""What a feed of one kind has to know: which streams, which REST question, what they add up to."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from bpx.cache.cell import View
from bpx.streams.tap import Arrival

LEAST_IDLE_S = 120.0  # how long a feed goes on at least when nobody asks
MOST_LAG_S = 3.0  # by which a REST reply may be behind the stream

V_co = TypeVar("V_co", bound=View, covariant=True)


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask REST for.

    Args:
        target: path and query.
        weight: what it costs.
        rows: how many rows it asks for; 0 where there are no rows.
        client: on whose behalf, to give each client its part; "" if on nobody's.
    """

    target: str
    weight: int
    rows: int = 0
    client: str = ""


class Follower(Protocol[V_co]):
    """Turns the messages and REST replies of one thing into views of it. Pure, one owner."""

    kind: str  # of what is followed, for metrics
    route: str
    streams: tuple[str, ...]
    confirming: str  # the one of them whose messages prove the whole view
    idle_s: float  # how long the feed goes on when nobody asks
    early_s: float | None  # how soon a quiet stream is checked that is hardly ever quiet

    def question(self, rows: int, at_ms: int | None) -> Question:
        """Return what to ask REST for so that `rows` rows are known; 0 for what is missing."""

    def begin_generation(self) -> None:
        """Take note that messages may have been missed."""

    def apply(self, arrival: Arrival) -> V_co | None:
        """Take a message; return the view after it.

        None while there is nothing to show, and for a message that is older than the view: such
        a one proves nothing.

        Raises:
            FeedFailed: REST has to be asked for what is missing.
        """

    def load(
        self, body: bytes, question: Question, at: float, asked_at: float
    ) -> tuple[V_co | None, bool]:
        """Take a REST reply; return the view after it, and whether it told nothing new.

        It came at `at`, and tells of some moment since `asked_at` or `MOST_LAG_S` before.

        None for a reply that may be older than the view: what is shown is the better answer, but
        such a reply does not prove it. If the view was told longer ago than REST can lag, and is
        ahead of the reply all the same, it is not the exchange's: the reply stands.

        Raises:
            FeedFailed: the reply is not what it should be, or is older than what was shown once
                and is known no more: neither it nor the view is an answer.
        """


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end of a REST question of a feed.

    Args:
        question: what was asked.
        began_at: when, in monotonic seconds.
        generation: of the tap, then.
        for_client: whether clients wait for it.
        body: of the reply; None if there is none.
        failure: why there is none.
    """

    question: Question
    began_at: float
    generation: int
    for_client: bool
    body: bytes | None
    failure: Exception | None = None
