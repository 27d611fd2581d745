"""Where finished lines go: the standard streams, or a file that is put aside when it is full.

All of it runs in a thread of its own: nothing here uses what gevent patches.
"""

import fcntl
import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from bpx.logs.retention import Retention, clean

STREAMS = {"stdout": 1, "stderr": 2}


class Overfull(OSError):
    """Lines were written, but to a file that should have been put aside and could not be."""


class Output(Protocol):
    """Takes lines."""

    def write(self, lines: bytes) -> None:
        """Write whole lines.

        Raises:
            Overfull: all were written.
            OSError: not all of them could be.
        """

    def tidy(self, now: float) -> None:
        """Delete what is not to be kept; `now` is in Unix seconds."""

    def close(self) -> None:
        """Give back what is held."""


class StreamOutput:
    """A standard stream of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, lines: bytes) -> None:
        """Write whole lines, however long the reader takes."""
        _write(self._descriptor, lines)

    def tidy(self, now: float) -> None:
        """Do nothing: there are no files."""

    def close(self) -> None:
        """Do nothing: it is not ours."""


class FileOutput:
    """A file, and those that were put aside. Several processes may write to it.

    Of what is put aside the newest stays as it is, since another process may still have it open;
    it is compressed when the next one comes.

    Args:
        path: of the file; the others are `path.1`, `path.2.gz` and so on.
        rules: what is kept.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, rules: Retention) -> None:
        self._path = path
        self._rules = rules
        self._descriptor: int | None = None
        self._is_cut = False  # it may end in the middle of a line
        self._open()

    def write(self, lines: bytes) -> None:
        """Write whole lines, to another file if this one is full or has been moved away."""
        fault: OSError | None = None
        if self._is_full(self._current(), lines):
            try:
                self._put_aside(lines)
            except OSError as error:
                fault = error
        self._append(lines)
        if fault is not None:
            raise Overfull(*fault.args) from fault

    def tidy(self, now: float) -> None:
        """Delete what is too old or too much."""
        with suppress(OSError):  # whatever it is, it will hinder writing, and be told then
            clean(self._path, now, self._rules)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, lines: bytes) -> None:
        begins = b"\n" if self._is_cut else b""
        self._is_cut = True
        _write(self._current(), begins + lines)
        self._is_cut = False

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o640)
        return self._descriptor

    def _current(self) -> int:
        """Return the descriptor of what is at the path now."""
        if self._descriptor is not None:
            ours = os.fstat(self._descriptor)
            with suppress(FileNotFoundError):
                there = self._path.stat()
                if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                    return self._descriptor
            self.close()
        return self._open()

    def _is_full(self, descriptor: int, lines: bytes) -> bool:
        size = os.fstat(descriptor).st_size
        return size > 0 and size + len(lines) > self._rules.max_bytes

    def _put_aside(self, lines: bytes) -> None:
        with _locked(self._path.parent):
            if not self._is_full(self._current(), lines):
                return  # another process has done it
            for number in range(self._rules.backups, 0, -1):
                self._move(number)
            if self._rules.backups:
                self._path.rename(self._named(1))
            else:
                self._path.unlink()

    def _move(self, number: int) -> None:
        """Give what was put aside a higher number; delete it if that is too high."""
        for old in (self._named(number), self._named(number, ".gz")):
            if not old.exists():
                continue
            if number >= self._rules.backups:
                old.unlink()
            elif old.suffix == ".gz" or not self._rules.is_compressed:
                old.rename(self._named(number + 1, ".gz" if old.suffix == ".gz" else ""))
            else:
                _compress(old, self._named(number + 1, ".gz"))

    def _named(self, number: int, suffix: str = "") -> Path:
        return self._path.with_name(f"{self._path.name}.{number}{suffix}")


def output_to(name: str, rules: Retention) -> Output:
    """Return the output `stdout`, `stderr`, or the file of that path.

    Raises:
        OSError: the file cannot be written.
    """
    if name in STREAMS:
        return StreamOutput(STREAMS[name])
    return FileOutput(Path(name).absolute(), rules)


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _compress(old: Path, new: Path) -> None:
    """Replace a file by a compressed one of the same age."""
    facts, unfinished = old.stat(), new.with_name(f".{new.name}")
    try:
        with old.open("rb") as source, gzip.open(unfinished, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target, 1 << 16)
        os.chmod(unfinished, facts.st_mode & 0o777)
        os.utime(unfinished, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        unfinished.rename(new)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    old.unlink()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other processes from putting files of a directory aside."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # in a fork of ours, too
    finally:
        os.close(descriptor)
