"""A profile: stacks, and what was counted for each. Names and lines only, never a variable."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import NamedTuple

MOST_FRAMES = 128  # of one stack; deeper ones lose their outermost


class Frame(NamedTuple):
    """A line of a function.

    Args:
        function: its module and qualified name.
        file: where it is.
        line: that runs.
        first_line: of the function.
    """

    function: str
    file: str
    line: int
    first_line: int


Stack = tuple[Frame, ...]  # innermost first
Labels = tuple[tuple[str, str], ...]
Key = tuple[Stack, Labels]


class Place(NamedTuple):
    """A frame as it is met: cheap to take, and to be told later. Its variables are left alone."""

    module: str
    code: CodeType
    line: int

    def frame(self) -> Frame:
        """Return it as it is told."""
        code = self.code
        name = f"{self.module}.{code.co_qualname}"
        return Frame(name, code.co_filename, self.line, code.co_firstlineno)


@dataclass(frozen=True, slots=True)
class Profile:
    """What was counted.

    Args:
        kinds: name and unit of each value.
        samples: the values, by stack and labels.
        began_ns: wall time in nanoseconds, for display.
        duration_ns: for how long was counted; 0 for a moment.
        period: how many units of the last kind pass between two samples; 0 if all are counted.
        remarks: what else is to be said, a line each.
    """

    kinds: tuple[tuple[str, str], ...]
    samples: Mapping[Key, tuple[int, ...]]
    began_ns: int
    duration_ns: int = 0
    period: int = 0
    remarks: tuple[str, ...] = ()


def places(frame: FrameType | None) -> tuple[Place, ...]:
    """Return a stack from its innermost frame outwards."""
    found: list[Place] = []
    while frame is not None and len(found) < MOST_FRAMES:
        module = frame.f_globals.get("__name__", "?")
        found.append(Place(str(module), frame.f_code, frame.f_lineno or 0))
        frame = frame.f_back
    return tuple(found)


def stack(met: tuple[Place, ...]) -> Stack:
    """Return a stack as it is told."""
    return tuple(place.frame() for place in met)
