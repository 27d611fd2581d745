"""Feeds that are in the test's hand."""

from collections.abc import Callable
from threading import Thread

from bpx.cache.cell import Cell
from tests.waiting import eventually


class NotedCell(Cell):
    """Knows for how long it was to be waited for."""

    def __init__(self, name: str):
        super().__init__(name)
        self.waits_s: list[float] = []

    def wait_for(self, accept, timeout_s, failures=None):
        self.waits_s.append(timeout_s)
        return super().wait_for(accept, timeout_s, failures)


class FakeFeed:
    """A feed that does what the test says when REST is to be asked."""

    def __init__(self, on_want: Callable[["FakeFeed"], None] = lambda feed: None):
        self.cell = NotedCell("test")
        self.loads = 0
        self.wanted: list[int] = []
        self.clients: list[str] = []
        self.is_asked = False  # already, by somebody else
        self.fresh = True
        self.kept = False
        self._on_want = on_want

    def is_fresh(self, now):
        return self.fresh and self.cell.view is not None

    def is_kept(self, now):
        return self.kept

    def want(self, rows=0, *, client=""):
        self.wanted.append(rows)
        self.clients.append(client)
        Thread(target=self._reply, daemon=True).start()
        return not self.is_asked

    def _reply(self):
        eventually(lambda: is_awaited(self.cell))
        self._on_want(self)

    def load(self, view):
        self.loads += 1
        self.cell.publish(view)


def is_awaited(cell: Cell) -> bool:
    """Whether somebody waits, and has seen that what there is will not do."""
    with cell._changed:  # which is held from the first look until the wait begins
        return cell._waiting == 1


class FakeFeeds:
    def __init__(self, feed):
        self.feed = feed
        self.keys = []

    def watch(self, key, now, client=""):
        self.keys.append(key)
        return self.feed
