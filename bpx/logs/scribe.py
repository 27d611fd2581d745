"""What the thread of a writer does: it writes lines, and answers for those it cannot write."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from bpx.logs.outputs import Output, Overfull
from bpx.logs.tally import TALLY

COMPLAIN_EVERY_S = 60.0
STDERR = 2


class Line(NamedTuple):
    """A finished line."""

    level: str
    text: str


class Scribe:
    """Writes to an output, counts, and says so on stderr where it cannot, once a minute.

    Args:
        output: where to.
        tidy_every_s: how often it is told to tidy up.
    """

    complained_at = 0.0  # by any of this process, and by its parent before

    def __init__(self, output: Output, tidy_every_s: float) -> None:
        self.tidy_every_s = tidy_every_s
        self._output = output
        self._lost = 0  # lines, since the last that was written
        self._tidied_at = 0.0

    def write(self, lines: Sequence[Line]) -> None:
        """Write lines, or count them as lost."""
        if not lines:
            return
        content = "".join(f"{line.text}\n" for line in lines).encode(errors="backslashreplace")
        try:
            self._output.write(content)
        except Overfull as error:
            self.complain(f"it cannot be put aside: {error}")
        except OSError as error:
            self._lost += len(lines)
            TALLY.lost["output"] += len(lines)
            TALLY.fault = str(error)
            self.complain(f"{self._lost} lines could not be written: {error}")
            return
        self._lost, TALLY.fault = 0, None
        TALLY.written_bytes += len(content)
        TALLY.written.update(line.level for line in lines)

    def tidy_if_it_is_time(self) -> None:
        """Have the output tidy up, unless it has just done so."""
        now = _now()
        if not 0 <= now - self._tidied_at < self.tidy_every_s:
            self._tidied_at = now
            self._output.tidy(now)

    def complain(self, text: str) -> None:
        """Say what is wrong, unless something was said a short time ago."""
        now = _now()
        if not 0 <= now - Scribe.complained_at < COMPLAIN_EVERY_S:
            Scribe.complained_at = now
            with suppress(OSError):
                os.write(STDERR, f"bpx: the log: {text}\n".encode())

    def close(self) -> None:
        """Close the output."""
        self._output.close()


def _now() -> float:
    return datetime.now(UTC).timestamp()
