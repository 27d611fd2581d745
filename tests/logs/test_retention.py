import os
from pathlib import Path

import pytest

from bpx.logs.retention import LogFile, Retention, clean, doomed, files_of

NOW = 1_795_348_800.0
DAY_S = 86_400.0
RULES = Retention(backups=9, max_age_s=7 * DAY_S, max_total_bytes=1000)


def file(number: int, size: int = 100, age_s: float = 0.0) -> LogFile:
    return LogFile(Path(f"log.{number}"), number, size, NOW - age_s)


def gone(*files: LogFile, rules: Retention = RULES) -> list[int]:
    return [one.number for one in doomed(files, NOW, rules)]


def test_what_is_new_and_small_stays() -> None:
    assert gone(file(0), file(1), file(2, age_s=6 * DAY_S)) == []


def test_what_is_too_old_goes_the_oldest_first() -> None:
    assert gone(file(0), file(1), file(2, age_s=8 * DAY_S), file(3, age_s=9 * DAY_S)) == [3, 2]


def test_what_is_too_much_goes_the_oldest_first() -> None:
    assert gone(*(file(number, 300) for number in range(5))) == [4, 3]


def test_what_is_written_to_stays_in_any_case() -> None:
    assert gone(file(0, 5_000, 30 * DAY_S), file(1)) == [1]


def test_what_is_one_too_many_goes() -> None:
    assert gone(file(0), file(9), file(10), file(11)) == [11, 10]


def test_the_files_of_a_log_are_found_and_no_others(tmp_path: Path) -> None:
    for name in ("log", "log.1", "log.12.gz", "log.txt", "log.1.bak", "other.1", ".log.2.gz"):
        (tmp_path / name).write_bytes(b"four")
    found = files_of(tmp_path / "log")
    assert [(one.path.name, one.number, one.size) for one in found] == [
        ("log", 0, 4), ("log.1", 1, 4), ("log.12.gz", 12, 4),
    ]  # fmt: skip


def test_there_may_be_no_file_yet(tmp_path: Path) -> None:
    assert files_of(tmp_path / "log") == []
    with pytest.raises(OSError, match="nowhere"):
        files_of(tmp_path / "nowhere" / "log")


def test_cleaning_deletes_what_has_to_go_and_says_what(tmp_path: Path) -> None:
    for number, age_s in ((1, 0.0), (2, 8 * DAY_S)):
        path = tmp_path / f"log.{number}"
        path.write_bytes(b"four")
        os.utime(path, (NOW, NOW - age_s))
    assert [one.path.name for one in clean(tmp_path / "log", NOW, RULES)] == ["log.2"]
    assert [one.name for one in tmp_path.iterdir()] == ["log.1"]
