"""What the system says about the memory of this process."""

import resource
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
_KB = 1024


@dataclass(frozen=True, slots=True)
class Resident:
    """Memory of the process, in bytes.

    Args:
        resident_bytes: what is in memory now.
        peak_bytes: the most that was.
        stack_bytes: of that the stack of the main thread; 0 where the system does not tell.
        swapped_bytes: what was put aside by the system; 0 where it does not tell.
    """

    resident_bytes: int
    peak_bytes: int
    stack_bytes: int = 0
    swapped_bytes: int = 0


def read_resident(status: Path = STATUS) -> Resident:
    """Return how much memory the process has, as Linux tells; elsewhere only its peak is known."""
    try:
        text = status.read_text()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KB
        return Resident(peak, peak)
    rows = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return Resident(*(_bytes(rows, name) for name in ("VmRSS", "VmHWM", "VmStk", "VmSwap")))


def _bytes(rows: dict[str, str], name: str) -> int:
    words = rows.get(name, "0 kB").split()
    return int(words[0]) * _KB
