import json
import logging
from pathlib import Path

import pytest

from bpx import logs

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
pytestmark = pytest.mark.usefixtures("restored_logging")


def configured(
    path: Path, level: str = "info", as_json: bool = False, forwards: bool = False
) -> None:
    logs.configure(level, as_json, str(path), forwards)


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        ("GET /api/v3/order?symbol=A&signature=ab1 HTTP/1.1", "GET /api/v3/order?*** HTTP/1.1"),
        ('url: /x?symbols=["A"]&signature=ab1 (Caused by', "url: /x?*** (Caused by"),
        ("body symbol=A&signature=ab1&x=1", "body symbol=A&signature=***&x=1"),
        ("{'X-MBX-APIKEY': 'ab1', 'A': 'b'}", "{'X-MBX-APIKEY': '***', 'A': 'b'}"),
        ("('X-MBX-APIKEY', b'ab1')", "('X-MBX-APIKEY', b'***')"),
        ('{"listenKey":"ab1"}', '{"listenKey":"***"}'),
        (f"stream /ws/{KEY} lost", "stream /ws/*** lost"),
        (f"PUT /x?{KEY} HTTP/1.1", "PUT /x?*** HTTP/1.1"),
        ("{'HTTP_X_MBX_APIKEY': 'ab1'}", "{'HTTP_X_MBX_APIKEY': '***'}"),
        ("Invalid header: 'X-MBX-APIKEY ab1'", "Invalid header: 'X-MBX-APIKEY ***'"),
        ("POST /order%3Fa=1%26signature%3Dab1 -> 200", "POST /order*** -> 200"),
        ("POST /order%3f%73ignature%3dab1 -> 200", "POST /order*** -> 200"),
        ("POST /order%253Fsignature%253Dab1 -> 200", "POST /order*** -> 200"),
        ("GET /%e5%b8%81/100%-1 -> 404", "GET /%e5%b8%81/100%-1 -> 404"),
        ("spot BTCUSDT: why? because 1=1", "spot BTCUSDT: why? because 1=1"),
    ],
)
def test_no_line_holds_a_query_a_signature_or_a_key(line: str, redacted: str) -> None:
    assert logs.redact(line) == redacted


@pytest.mark.parametrize("as_json", [False, True])
def test_tracebacks_are_redacted_too(tmp_path: Path, as_json: bool) -> None:
    configured(tmp_path / "log", as_json=as_json)
    try:
        raise OSError("Max retries exceeded with url: /api/v3/order?signature=canary0canary")
    except OSError:
        logging.getLogger("any").exception("key %s", KEY)
    text = (tmp_path / "log").read_text()
    assert "OSError: Max retries exceeded with url: /api/v3/order?***" in text
    assert "canary0canary" not in text
    assert KEY not in text


def test_a_json_line_is_one_object(tmp_path: Path) -> None:
    configured(tmp_path / "log", as_json=True)
    logging.getLogger("bpx.feed").warning("spot %s: \n lost", "BTCUSDT")
    line = json.loads((tmp_path / "log").read_text())
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warn", "logger": "bpx.feed", "message": "spot BTCUSDT: \n lost"}


def test_a_text_line_has_time_level_and_logger(tmp_path: Path) -> None:
    configured(tmp_path / "log")
    logging.getLogger("bpx.feed").warning("lost")
    assert (tmp_path / "log").read_text().endswith("Z WARN bpx.feed: lost\n")


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
    configured(tmp_path / "log", level)
    for number in (logs.TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("any").log(number, "x")
    lines = (tmp_path / "log").read_text().splitlines()
    assert " ".join(line.split()[1] for line in lines) == seen


@pytest.mark.parametrize(
    ("level", "shown", "is_logged"),
    [("info", False, False), ("debug", False, True), ("info", True, True), ("error", True, True)],
)
def test_forwards_are_logged_at_debug_level_or_if_asked_for(
    tmp_path: Path, level: str, shown: bool, is_logged: bool
) -> None:
    configured(tmp_path / "log", level, forwards=shown)
    logs.log_forward("spot", "GET", "/api/v3/account?signature=ab1", 200, 0.0321)
    text = (tmp_path / "log").read_text()
    assert ("spot GET /api/v3/account -> 200 in 32 ms" in text) is is_logged
    assert "ab1" not in text


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    configured(tmp_path / "log")
    logging.getLogger("any").info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    logging.getLogger("any").info("two")
    assert "one" in (tmp_path / "log.1").read_text()
    assert "two" in (tmp_path / "log").read_text()


def test_stdout_and_stderr_are_names_of_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    for output in ("stdout", "stderr"):
        logs.configure("info", False, output, False)
        logging.getLogger("any").info("to %s", output)
    captured = capsys.readouterr()
    assert captured.out.endswith("to stdout\n")
    assert captured.err.endswith("to stderr\n")
