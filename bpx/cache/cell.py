"""A cell: the newest view of one thing. The one object in which streams and requests meet."""

from collections.abc import Callable
from threading import Condition
from typing import Any, Generic, Protocol, TypeVar


class View(Protocol):
    """Something that never changes once published: it could be rebuilt elsewhere."""

    @property
    def version(self) -> int:
        """Its number among the views of its thing."""

    @property
    def confirmed_at(self) -> float:
        """When a message or a REST check last proved it, in monotonic seconds."""

    @property
    def good_until_ms(self) -> int | None:
        """Until which exchange time it is an answer; None if it does not end by itself."""

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs, with the bodies that it has made so far."""


V = TypeVar("V", bound=View)

KEPT_BYTES = 400  # of something that is kept, without what it shares with its view


class Cell(Generic[V]):
    """The newest view of one thing: one greenlet publishes it, any number read it.

    Reading `view` is one attribute load and never blocks. Who needs a view that is not there yet
    waits for it, with a deadline.

    Args:
        name: the market and the stream or document, for logs.

    Attributes:
        view: the newest one; None before the first.
        failures: how often `fail` was called.
        kept: what others have made of a view, with that view; gone when there is a newer one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.view: V | None = None
        self._changed = Condition()
        self.failures = 0
        self.kept: dict[Any, tuple[V, Any]] = {}
        self._waiting = 0
        self._failure: Exception | None = None

    @property
    def waiting(self) -> int:
        """How many wait for a view."""
        return self._waiting

    @property
    def size_bytes(self) -> int:
        """About how much memory its view needs, and what is kept of it."""
        view = self.view
        return 0 if view is None else view.size_bytes + KEPT_BYTES * len(self.kept)

    def publish(self, view: V) -> None:
        """Replace the view, and wake who waits."""
        self.view = view
        if self.kept:
            self.kept = {}
        if self._waiting:
            self._wake()

    def fail(self, error: Exception) -> None:
        """Tell who waits that the view they wait for could not be made."""
        self._failure = error
        self.failures += 1
        if self._waiting:
            self._wake()

    def wait_for(
        self, accept: Callable[[V], bool], timeout_s: float, failures: int | None = None
    ) -> V | None:
        """Return the first view that `accept` takes, or None after `timeout_s`.

        Args:
            accept: whether a view will do.
            timeout_s: how long to wait.
            failures: what `failures` was when the view was asked for; now by default.

        Raises:
            Exception: what `fail` was given since then.
        """
        before = self.failures if failures is None else failures

        def settled() -> bool:
            return self.failures != before or (self.view is not None and accept(self.view))

        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(settled, timeout_s)
            finally:
                self._waiting -= 1
        view = self.view
        if view is not None and accept(view):
            return view
        if self.failures != before and self._failure is not None:
            raise self._failure.with_traceback(None)  # it is raised in many places
        return None

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
