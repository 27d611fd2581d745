import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bpx.logs import TRACE, Logging, configure, log_forward
from bpx.logs.flood import Rate
from bpx.logs.retention import Retention
from bpx.logs.writer import Writer
from tests.logs.reading import written
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("restored_logging")
log = logging.getLogger("any")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("trace", "TRACE DEBUG INFO WARN ERROR"),
        ("debug", "DEBUG INFO WARN ERROR"),
        ("info", "INFO WARN ERROR"),
        ("warn", "WARN ERROR"),
        ("error", "ERROR"),
    ],
)
def test_the_level_decides_what_is_seen(tmp_path: Path, level: str, seen: str) -> None:
    configure(Logging(level=level, output=str(tmp_path / "log")))
    for number in (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.log(number, "x")
    lines = written(tmp_path / "log").splitlines()
    assert " ".join(line.split()[1] for line in lines) == seen


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (Logging(), "lost"),
        (Logging(has_fields=True), "lost market=spot"),
        (Logging(is_json=True, has_fields=True), None),
    ],
)
def test_lines_look_as_wanted(tmp_path: Path, wanted: Logging, line: str | None) -> None:
    configure(replace(wanted, output=str(tmp_path / "log")))
    log.info("lost", extra={"market": "spot"})
    text = written(tmp_path / "log")
    if line is None:
        assert json.loads(text)["market"] == "spot"
    else:
        assert text.endswith(f"Z INFO any: {line}\n")


@pytest.mark.parametrize(
    ("level", "shown", "is_logged"),
    [("info", False, False), ("debug", False, True), ("info", True, True), ("error", True, True)],
)
def test_forwards_are_logged_at_debug_level_or_if_asked_for(
    tmp_path: Path, level: str, shown: bool, is_logged: bool
) -> None:
    configure(Logging(level=level, output=str(tmp_path / "log"), are_forwards_shown=shown))
    log_forward("spot", "GET", "/api/v3/account?signature=ab1", 200, 0.0321)
    text = written(tmp_path / "log")
    assert ("spot GET /api/v3/account -> 200 in 32 ms" in text) is is_logged
    assert "ab1" not in text


def test_the_last_call_counts_and_what_was_logged_before_is_written(tmp_path: Path) -> None:
    for name in ("one", "other"):
        configure(Logging(output=str(tmp_path / name)))
        log.info("to %s", name)
    assert written(tmp_path / "other").endswith("to other\n")
    eventually(lambda: (tmp_path / "one").read_text().count("\n") == 1)
    assert sum(isinstance(one, Writer) for one in logging.getLogger().handlers) == 1


def test_an_output_that_cannot_be_written_leaves_all_as_it_was(tmp_path: Path) -> None:
    configure(Logging(output=str(tmp_path / "log")))
    with pytest.raises(OSError, match="nowhere"):
        configure(Logging(level="error", output=str(tmp_path / "nowhere" / "log")))
    log.info("still")
    assert written(tmp_path / "log").endswith("still\n")


def test_limits_and_retention_are_those_that_are_wanted(tmp_path: Path) -> None:
    configure(Logging(
        level="debug", output=str(tmp_path / "log"), rate=Rate(per_s=0.001, burst=2),
        is_sampled=False, retention=Retention(max_bytes=100, backups=1),
    ))  # fmt: skip
    for _ in range(5):
        log.debug("x")
    for number in range(100):
        log.info("line %s", number)
        written(tmp_path / "log")  # one at a time
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log", "log.1"]
    assert (tmp_path / "log").stat().st_size <= 100


@pytest.mark.parametrize("name", ["urllib3", "werkzeug", "websocket"])
def test_other_libraries_say_nothing_of_every_request(tmp_path: Path, name: str) -> None:
    configure(Logging(level="trace", output=str(tmp_path / "log")))
    logging.getLogger(name).debug("GET /api/v3/order?signature=ab1")
    logging.getLogger(name).warning("lost")
    assert "GET" not in written(tmp_path / "log")
    assert "lost" in (tmp_path / "log").read_text()
