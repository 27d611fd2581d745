"""What has become of the lines of this process."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts since the process began.

    Args:
        written: by level.
        left_out: by reason (`rate`, `repeat`) and level.
        lost: by reason (`queue`: too many were waiting; `output`: it could not be written).
        written_bytes: of lines.
        fault: of the output, if the last attempt to write failed.
    """

    written: Counter[str] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    written_bytes: int = 0
    fault: str | None = None


TALLY = Tally()
