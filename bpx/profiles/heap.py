"""What is in memory: by type at this moment, or by where it was allocated since a moment ago."""

import tracemalloc
from collections.abc import Sequence
from time import time_ns

from bpx.memory.census import LARGE_BYTES, Rest, take_census
from bpx.profiles.profile import Frame, Key, Profile

FRAMES = 16  # of a stack that allocates
KINDS = (("inuse_objects", "count"), ("inuse_space", "bytes"))
_OF_TYPES = (
    "by type: where it was allocated is not known; with ?seconds=N that is told of what is "
    "allocated meanwhile and still there",
    f"strings and bytes of less than {LARGE_BYTES} bytes are left out, and what is frozen",
)
_OF_PLACES = "by place: only what was allocated since tracing began, and is still there"


def by_type(rest: Rest) -> Profile:
    """Return what is in memory, by type: each is shown as if it were a function.

    Args:
        rest: called again and again, to let others have their turn.
    """
    began_ns = time_ns()
    samples: dict[Key, tuple[int, ...]] = {
        ((Frame(name, "", 0, 0),), ()): (held.number, held.size_bytes)
        for name, held in take_census(rest).items()
    }
    return Profile(KINDS, samples, began_ns, remarks=_OF_TYPES)


def by_place(began_ns: int, duration_ns: int) -> Profile:
    """Return what was allocated since tracing began and is still there.

    Args:
        began_ns: when it began, in wall time.
        duration_ns: for how long it goes on.
    """
    samples: dict[Key, tuple[int, ...]] = {}
    for trace in tracemalloc.take_snapshot().statistics("traceback"):
        samples[_stack(trace.traceback), ()] = (trace.count, trace.size)
    return Profile(KINDS, samples, began_ns, duration_ns, remarks=(_OF_PLACES,))


def _stack(traceback: Sequence[tracemalloc.Frame]) -> tuple[Frame, ...]:
    """Return a stack from its innermost frame outwards; only files and lines are known."""
    return tuple(
        Frame(_short(frame.filename, frame.lineno), frame.filename, frame.lineno, frame.lineno)
        for frame in reversed(traceback)
    )


def _short(file: str, line: int) -> str:
    """Return what stands for a function whose name is not known: two parts of its path, a line."""
    return f"{'/'.join(file.split('/')[-2:])}:{line}"
