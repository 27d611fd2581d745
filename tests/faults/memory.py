"""How much memory a process had at most."""

from pathlib import Path


def peak_mb(pid: int, *, reset: bool = False) -> float:
    """Return the highest resident memory since the last reset: what is given back counts."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
