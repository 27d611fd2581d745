"""What a feed has asked REST."""

import logging
from collections.abc import Callable

from bpx.errors import BpxError, Refused
from bpx.feed.follower import Fetched, Question
from bpx.runtime import Runtime

Ask = Callable[[Question, bool], bytes]  # with whether a client waits for it

log = logging.getLogger(__name__)


class Asking:
    """The questions of one feed that are under way: one for clients, one in the background.

    A client does not wait for what is asked in the background: that has a smaller budget.

    Args:
        name: of the feed, for logs.
        ask: asks REST for a question; raises if there is no good reply.
        tell: given the end of each question.
        runtime: tasks and time.
    """

    def __init__(
        self, name: str, ask: Ask, tell: Callable[[Fetched], None], runtime: Runtime
    ) -> None:
        self._name = name
        self._ask = ask
        self._tell = tell
        self._runtime = runtime
        self._under_way: set[bool] = set()  # for a client or not

    def is_under_way(self, *, for_client: bool) -> bool:
        """Whether a question is that will do."""
        return True in self._under_way or for_client in self._under_way

    def begin(self, question: Question, generation: int, *, for_client: bool) -> None:
        """Ask, in a task of its own."""
        self._under_way.add(for_client)
        began_at = self._runtime.now()
        self._runtime.spawn(self._fetch, question, began_at, generation, for_client)

    def end(self, fetched: Fetched) -> None:
        """Take note that the end of a question has been told."""
        self._under_way.discard(fetched.for_client)

    def _fetch(
        self, question: Question, began_at: float, generation: int, for_client: bool
    ) -> None:
        body, failure = None, None
        try:
            body = self._ask(question, for_client)
        except BpxError as error:
            failure = error
        except Exception as bug:
            log.exception("%s: fetching failed", self._name)
            failure = Refused(repr(bug))
        self._tell(Fetched(question, began_at, generation, for_client, body, failure))
