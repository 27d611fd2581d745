"""A handler that never waits: a thread of its own writes the lines.

The thread is a real one, even where gevent makes greenlets of all others: a pipe that nobody reads
or a disk that hangs would stop all of them. So nothing that gevent patches is used here: the queue
is the interpreter's own, and there are no locks.
"""

import logging
import os
from _queue import Empty, SimpleQueue
from collections.abc import Callable
from contextlib import suppress
from math import inf
from weakref import WeakSet

from bpx.logs.flood import Flood
from bpx.logs.levels import level_of
from bpx.logs.outputs import Output
from bpx.logs.scribe import Line, Scribe
from bpx.logs.tally import TALLY

MOST_WAITING = 10_000  # lines
MORE_FOR_ERRORS = 1_000
MOST_AT_ONCE = 200
FLUSH_WITHIN_S = 1.0

StartThread = Callable[[Callable[[], None], tuple[()]], object]


class Flushed(SimpleQueue[None]):
    """Is told when everything before it is written."""


class End:
    """No more lines will come."""


class Writer(logging.Handler):
    """Formats lines at once and has them written soon.

    Args:
        output: where to; from now on it is the thread's alone.
        flood: decides what is left out.
        tidy_every_s: how often the output is told to tidy up.
        start_thread: starts a real thread, as `_thread.start_new_thread` before gevent patches it.
    """

    def __init__(
        self, output: Output, flood: Flood, tidy_every_s: float, start_thread: StartThread
    ) -> None:
        super().__init__()
        self._flood = flood
        self._waiting: SimpleQueue[Line | Flushed | End] = SimpleQueue()
        self._scribe = Scribe(output, tidy_every_s)
        self._is_forked = self._is_closed = self._is_stuck = False
        _WRITERS.add(self)
        start_thread(self._work, ())

    def createLock(self) -> None:  # noqa: N802
        """Make none: nothing in `emit` switches to another greenlet or harms another thread."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line, unless it is one of too many."""
        level = level_of(record.levelno)
        try:
            reason = self._flood.reason_against(record, level)
            if reason is None:
                self._put(Line(level, self.format(record)))
            else:
                TALLY.left_out[reason, level] += 1
        except Exception as error:  # noqa: BLE001 - a bug of whoever logs; it must not hurt him
            text = f"a malformed line of {record.pathname}:{record.lineno}: {type(error).__name__}"
            self._tell("error", text)
        self._tell_what_was_left_out(record.created)

    def flush(self) -> None:
        """Wait until all that was taken is written, or for a second, once."""
        if self._is_forked or self._is_closed or self._is_stuck:
            return
        flushed = Flushed()
        self._waiting.put(flushed)
        self._is_stuck = True
        with suppress(Empty):
            flushed.get(timeout=FLUSH_WITHIN_S)
            self._is_stuck = False

    def close(self) -> None:
        """Write what was taken, and end the thread."""
        if not self._is_closed:
            self._tell_what_was_left_out(inf)
            self.flush()
            self._is_closed = True
            self._waiting.put(End())
        super().close()

    def forked(self) -> None:
        """In a new process, which has not the thread: from now on lines are written at once."""
        self._is_forked, self._waiting = True, SimpleQueue()

    def _tell_what_was_left_out(self, now: float) -> None:
        summary = self._flood.summary(now)
        if summary is not None:
            self._tell("warn", summary)

    def _tell(self, level: str, text: str) -> None:
        number = logging.ERROR if level == "error" else logging.WARNING
        record = logging.LogRecord(__name__, number, __file__, 0, text, None, None)
        self._put(Line(level, self.format(record)))

    def _put(self, line: Line) -> None:
        if self._is_forked:
            self._scribe.write([line])
        elif self._waiting.qsize() >= MOST_WAITING + MORE_FOR_ERRORS * (line.level == "error"):
            TALLY.lost["queue"] += 1
        else:
            self._waiting.put(line)

    def _work(self) -> None:
        """Write what comes, until told to end. Runs in the thread."""
        goes_on = True
        while goes_on:
            try:
                goes_on = self._take()
            except Exception as bug:  # noqa: BLE001 - the log goes on, and cannot tell of itself
                self._scribe.complain(repr(bug))
        self._scribe.close()

    def _take(self) -> bool:
        """Wait for lines, and write those that wait; return whether more may come."""
        lines, other = list[Line](), None
        with suppress(Empty):
            came = self._waiting.get(timeout=self._scribe.tidy_every_s)
            while isinstance(came, Line):
                lines.append(came)
                if len(lines) == MOST_AT_ONCE:
                    break
                came = self._waiting.get_nowait()
            else:
                other = came
        self._scribe.write(lines)
        self._scribe.tidy_if_it_is_time()
        if isinstance(other, Flushed):
            other.put(None)
        return not isinstance(other, End)


_WRITERS: WeakSet[Writer] = WeakSet()


def _forked() -> None:
    for writer in list(_WRITERS):
        writer.forked()


os.register_at_fork(after_in_child=_forked)
