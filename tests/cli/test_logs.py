import json
import os
from pathlib import Path

import pytest

from bpx.cli import logs


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of which the last file is too old, and the fourth one too many."""
    path = tmp_path / "bpx.log"
    for number in range(5):
        file = path if number == 0 else path.with_name(f"bpx.log.{number}")
        file.write_bytes(b"x" * 1000)
    os.utime(path.with_name("bpx.log.3"), (0, 0))
    options = {"BPX_LOG_OUTPUT": str(path), "BPX_LOG_MAX_BACKUPS": "3"}
    monkeypatch.setattr("os.environ", options)
    return path


def names(log: Path) -> list[str]:
    return sorted(file.name for file in log.parent.iterdir())


def test_what_is_not_kept_is_deleted(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main(["clean"]) == 0
    assert names(log) == ["bpx.log", "bpx.log.1", "bpx.log.2"]
    told = capsys.readouterr().out
    assert "bpx.log.3" in told
    assert "bpx.log.4" in told
    assert logs.main(["clean"]) == 0
    assert capsys.readouterr().out == "Nothing has to go.\n"


def test_it_can_be_tried_first(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert logs.main(["clean", "--dry-run", "--json"]) == 0
    going = json.loads(capsys.readouterr().out)
    assert sorted(Path(file["path"]).name for file in going) == ["bpx.log.3", "bpx.log.4"]
    assert len(names(log)) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "goes to stdout"), ({"BPX_LOG_OUTPUT": "/nowhere/bpx.log"}, "/nowhere"),
     ({"BPX_LOG_MAX_BACKUPS": "x"}, "BPX_LOG_MAX_BACKUPS")],
)  # fmt: skip
def test_without_files_there_is_nothing_to_do(
    options: dict[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("os.environ", options)
    assert logs.main(["clean"]) == 2
    assert words in capsys.readouterr().err
