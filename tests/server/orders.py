"""The processes of a server: who they are, and what they are told."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.proxy import Proxy
from tests.waiting import eventually


def worker_of(proxy: Proxy) -> int:
    """Return its only worker."""
    return int(Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text())


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Let a process do nothing at all for a while.

    A signal that comes before it really stands would still be taken, and before that order.
    """
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: all(map(_stands, Path(f"/proc/{pid}/task").iterdir())))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def told_to_stop(proxy: Proxy) -> Iterator[None]:
    """Have the worker told to stop, and notice it when this is over: what comes first is first."""
    worker = worker_of(proxy)
    with standing_still(worker):
        os.kill(proxy.pid, signal.SIGTERM)
        eventually(lambda: _is_pending(worker, signal.SIGTERM))
        yield


def _stands(thread: Path) -> bool:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return True


def _is_pending(pid: int, told: signal.Signals) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line[:6] in ("SigPnd", "ShdPnd")]
    return any(mask >> (told - 1) & 1 for mask in masks)
