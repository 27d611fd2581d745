"""A bell: it wakes one greenlet whenever a descriptor can be read, and stays set in between.

gevent's own `hub.wait` makes and hangs up a bell for each wait, which costs more than to read.
"""

from typing import Any

import gevent


class Bell:
    """Wakes the greenlet that has made it.

    Args:
        watcher: gevent's, of the descriptor, for reading. While the bell hangs, nobody else may
            wait with it.
        is_rung: there may be something to read already: the first wait is none.
    """

    __slots__ = ("_greenlet", "_hangs", "_hub", "_is_awaited", "_is_rung", "_watcher")

    def __init__(self, watcher: Any, *, is_rung: bool = False) -> None:
        self._watcher = watcher
        self._hub = gevent.get_hub()
        self._greenlet: Any = gevent.getcurrent()
        self._hangs = False
        self._is_awaited = False
        self._is_rung = is_rung

    def wait(self) -> None:
        """Return when there is something to read.

        Raises:
            OSError: the socket was closed, or shut for reading, by us.
        """
        if not self._hangs:
            if self._is_rung:
                self._is_rung = False
                return
            self._watcher.start(self.ring)
            self._hangs = True
        self._is_awaited = True
        try:
            self._hub.switch()
        finally:
            self._is_awaited = False

    def hang_up(self) -> None:
        """Leave the watcher to others, until the next `wait`."""
        self._hangs = False
        self._watcher.stop()

    def ring(self) -> None:
        """Wake the greenlet, if this is what it waits for."""
        if self._is_awaited:
            self._greenlet.switch()

    def throw(self, *error: Any) -> None:
        """Tell the greenlet that the socket is over: gevent calls it, of whoever is called."""
        if self._is_awaited:
            self._greenlet.throw(*error)
