"""Which files of a log there are, and which of them go."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of a log is kept.

    Args:
        max_bytes: of one file; it is then put aside.
        backups: files that have been put aside.
        max_age_s: since the last line of one of them.
        max_total_bytes: of all files together.
        interval_s: how often they are looked at.
        is_compressed: whether they are, from the second one on.
    """

    max_bytes: int = 100 * 2**20
    backups: int = 5
    max_age_s: float = 30 * 86_400.0
    max_total_bytes: int = 1000 * 2**20
    interval_s: float = 3600.0
    is_compressed: bool = True


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of a log.

    Args:
        number: 0 is written to; the others were put aside, 1 last.
        modified_at: Unix seconds.
    """

    path: Path
    number: int
    size: int
    modified_at: float


def files_of(path: Path) -> list[LogFile]:
    """Return the files of the log at `path`, the one that is written to first.

    Raises:
        OSError: its directory cannot be read.
    """
    return sorted(_found(path), key=lambda file: file.number)


def _found(path: Path) -> Iterator[LogFile]:
    name = re.compile(re.escape(path.name) + r"(?:\.(\d+)(?:\.gz)?)?")
    for one in path.parent.iterdir():
        if match := name.fullmatch(one.name):
            try:
                facts = one.stat()
            except FileNotFoundError:  # put aside meanwhile
                continue
            yield LogFile(one, int(match[1] or 0), facts.st_size, facts.st_mtime)


def doomed(files: Iterable[LogFile], now: float, rules: Retention) -> list[LogFile]:
    """Return what has to go, the oldest first; what is written to stays in any case.

    Args:
        files: of one log.
        now: Unix seconds.
        rules: what is kept.
    """
    files = sorted(files, key=lambda file: file.number, reverse=True)
    total, going = sum(file.size for file in files), []
    for file in files:
        is_old = now - file.modified_at > rules.max_age_s or file.number > rules.backups
        if file.number and (is_old or total > rules.max_total_bytes):
            going.append(file)
            total -= file.size
    return going


def clean(path: Path, now: float, rules: Retention) -> list[LogFile]:
    """Delete what has to go; return it.

    Raises:
        OSError: the directory cannot be read, or a file not deleted.
    """
    going = doomed(files_of(path), now, rules)
    for file in going:
        file.path.unlink(missing_ok=True)
    return going
