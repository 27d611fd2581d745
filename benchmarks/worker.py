"""What the worker of a proxy has used: CPU and memory, as the kernel counts them."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.proxy import Proxy

MB = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process has in memory.

    Args:
        rss_bytes: all of it.
        pss_bytes: the same, where what is shared with others counts by its part.
    """

    rss_bytes: int
    pss_bytes: int


class Worker:
    """The process that serves: the child of gunicorn's master."""

    def __init__(self, proxy: Proxy) -> None:
        children = Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text().split()
        assert len(children) == 1, f"not one worker but {len(children)}"
        self._place = Path("/proc") / children[0]

    def cpu_s(self) -> float:
        """Return the CPU time of all its threads so far, user and system."""
        return sum(
            int((task / "schedstat").read_text().split()[0])
            for task in (self._place / "task").iterdir()
        ) / 1e9  # fmt: skip

    def memory(self) -> Memory:
        """Return what it has in memory."""
        found = dict(re.findall(r"^(\w+): +(\d+) kB$", self._rollup(), re.MULTILINE))
        return Memory(int(found["Rss"]) * 1024, int(found["Pss"]) * 1024)

    def _rollup(self) -> str:
        return (self._place / "smaps_rollup").read_text()
