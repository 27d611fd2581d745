import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bpx.logs.outputs import FileOutput, Overfull, StreamOutput, output_to
from bpx.logs.retention import Retention
from tests.proxy import ROOT

RULES = Retention(max_bytes=100, backups=3)
LINE = b"x" * 39 + b"\n"  # two of them fit into a file
PROCESSES, LINES = 4, 3_000
WRITES = """
import sys
from pathlib import Path
from bpx.logs.outputs import FileOutput
from bpx.logs.retention import Retention
output = FileOutput(Path(sys.argv[1]), Retention(max_bytes=20_000, backups=100))
for number in range(int(sys.argv[3])):
    output.write(f"{sys.argv[2]} {number}\\n".encode())
"""


Opens = Callable[..., FileOutput]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opens]:
    """Open outputs to `log`, or elsewhere, and close them."""
    with ExitStack() as stack:

        def opens(rules: Retention = RULES, path: Path = tmp_path / "log") -> FileOutput:
            output = FileOutput(path, rules)
            stack.callback(output.close)
            return output

        yield opens


def write(output: FileOutput, count: int) -> None:
    for number in range(count):
        output.write(b"%d" % (number % 10) + LINE[1:])


def contents(directory: Path) -> dict[str, bytes]:
    """Return what begins each line of each file."""
    found = {}
    for path in sorted(directory.iterdir()):
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        found[path.name] = b"".join(line[:1] for line in text.splitlines())
    return found


def test_a_full_file_is_put_aside_and_compressed_when_the_next_one_comes(
    tmp_path: Path, opened: Opens
) -> None:
    write(opened(), 7)
    assert contents(tmp_path) == {
        "log": b"6", "log.1": b"45", "log.2.gz": b"23", "log.3.gz": b"01",
    }  # fmt: skip


def test_there_are_never_more_backups_than_wanted(tmp_path: Path, opened: Opens) -> None:
    write(opened(), 20)
    assert list(contents(tmp_path)) == ["log", "log.1", "log.2.gz", "log.3.gz"]


@pytest.mark.parametrize(("backups", "left"), [(0, ["log"]), (1, ["log", "log.1"])])
def test_there_may_be_few_backups_or_none(
    tmp_path: Path, opened: Opens, backups: int, left: list[str]
) -> None:
    write(opened(replace(RULES, backups=backups)), 20)
    assert list(contents(tmp_path)) == left


def test_backups_are_left_as_they_are_where_that_is_wanted(tmp_path: Path, opened: Opens) -> None:
    write(opened(replace(RULES, is_compressed=False)), 20)
    assert list(contents(tmp_path)) == ["log", "log.1", "log.2", "log.3"]


def test_a_change_of_mind_about_compression_loses_nothing(tmp_path: Path, opened: Opens) -> None:
    write(opened(), 5)
    write(opened(replace(RULES, is_compressed=False)), 2)
    assert list(contents(tmp_path)) == ["log", "log.1", "log.2", "log.3.gz"]


def test_a_compressed_file_is_as_old_as_its_last_line(tmp_path: Path, opened: Opens) -> None:
    output = opened()
    write(output, 3)
    os.utime(tmp_path / "log.1", (1_000, 1_000))
    write(output, 2)
    assert (tmp_path / "log.2.gz").stat().st_mtime == 1_000


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path, opened: Opens) -> None:
    output = opened()
    output.write(b"1\n")
    (tmp_path / "log").rename(tmp_path / "moved")
    output.write(b"2\n")
    assert contents(tmp_path) == {"log": b"2", "moved": b"1"}


def test_a_file_that_others_have_put_aside_is_not_put_aside_once_more(
    tmp_path: Path, opened: Opens
) -> None:
    one, other = (opened() for _ in range(2))
    write(one, 2)
    write(other, 1)
    write(one, 1)
    assert contents(tmp_path) == {"log": b"00", "log.1": b"01"}


def test_processes_that_write_to_one_file_lose_and_double_nothing(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", WRITES, str(tmp_path / "log")]
    running = [
        subprocess.Popen([*arguments, str(number), str(LINES)], cwd=ROOT)
        for number in range(PROCESSES)
    ]
    assert [process.wait(50) for process in running] == [0] * PROCESSES
    lines = []
    for path in tmp_path.iterdir():
        raw = path.read_bytes()
        lines += (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
    assert len(list(tmp_path.iterdir())) > 3
    assert sorted(lines) == sorted(
        f"{number} {line}".encode() for number in range(PROCESSES) for line in range(LINES)
    )


def test_a_file_that_cannot_be_put_aside_is_written_to(tmp_path: Path, opened: Opens) -> None:
    output = opened()
    write(output, 2)
    (tmp_path / "log.1").mkdir()
    (tmp_path / "log.1" / "full").touch()
    for _ in range(2):
        with pytest.raises(Overfull):
            output.write(LINE)
    assert (tmp_path / "log").read_bytes().count(b"\n") == 4


def test_a_disk_that_is_full_is_told_and_the_next_line_begins_a_line(
    tmp_path: Path, opened: Opens
) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    output = opened()
    with pytest.raises(OSError, match="No space left"):
        output.write(b"lost\n")
    (tmp_path / "log").unlink()
    output.write(b"kept\n")
    assert (tmp_path / "log").read_bytes() == b"\nkept\n"


def test_a_directory_that_is_missing_is_told_and_may_come_back(
    tmp_path: Path, opened: Opens
) -> None:
    path = tmp_path / "gone" / "log"
    path.parent.mkdir()
    output = opened(path=path)
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        output.write(b"lost\n")
    path.parent.mkdir()
    output.write(b"kept\n")
    assert path.read_bytes().split() == [b"kept"]


def test_tidying_up_deletes_what_is_too_old(tmp_path: Path, opened: Opens) -> None:
    output = opened(replace(RULES, max_age_s=10))
    write(output, 3)
    os.utime(tmp_path / "log.1", (1_000, 1_000))
    output.tidy(1_005)
    assert list(contents(tmp_path)) == ["log", "log.1"]
    output.tidy(1_011)
    assert list(contents(tmp_path)) == ["log"]


def test_the_standard_streams_have_names(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("stdout", "stderr"):
        output_to(name, RULES).write(f"to {name}\n".encode())
    assert capfd.readouterr() == ("to stdout\n", "to stderr\n")


def test_a_stream_takes_what_does_not_fit_into_it_at_once() -> None:
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        size = 0
        while chunk := os.read(receiving, 1 << 16):
            size += len(chunk)
            if size == 1_000_000:
                os._exit(0)
        os._exit(1)
    StreamOutput(sending).write(b"x" * 1_000_000)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(receiving)
    os.close(sending)
