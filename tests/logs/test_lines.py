import json
import logging
import sys
from typing import Any

import pytest

from bpx.logs.levels import name_levels
from bpx.logs.lines import JsonLines, TextLines

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
FIELDS = {"market": "spot", "status": 200, "duration_ms": 1.5, "symbol": "A B", "weight": None}
pytestmark = pytest.mark.usefixtures("restored_logging")


def record(message: str, *args: object, error: Any = None, **fields: Any) -> logging.LogRecord:
    name_levels()
    made = logging.getLogger("bpx.feed").makeRecord(
        "bpx.feed", logging.WARNING, "feed.py", 1, message, args, error, extra=fields
    )
    made.created = 1_795_348_800.25
    return made


def failure() -> Any:
    try:
        raise OSError("Max retries exceeded with url: /api/v3/order?signature=canary0canary\nbpx")
    except OSError:
        return sys.exc_info()


def test_a_line_of_text_has_time_level_and_logger() -> None:
    line = TextLines().format(record("spot %s: lost", "BTCUSDT"))
    assert line == "2026-11-22T12:00:00.250Z WARN bpx.feed: spot BTCUSDT: lost"


def test_fields_follow_a_line_of_text_where_they_are_wanted() -> None:
    made = record("lost", **FIELDS)
    assert TextLines().format(made).endswith(": lost")
    assert (
        TextLines(has_fields=True)
        .format(made)
        .endswith(': lost market=spot symbol="A B" status=200 duration_ms=1.5')
    )


def test_a_line_of_json_is_one_object_with_its_fields() -> None:
    line = json.loads(JsonLines().format(record("spot %s: \n lost", "BTCUSDT", **FIELDS)))
    assert line == {
        "time": "2026-11-22T12:00:00.250Z",
        "level": "warn",
        "logger": "bpx.feed",
        "message": "spot BTCUSDT: \n lost",
        "market": "spot",
        "symbol": "A B",
        "status": 200,
        "duration_ms": 1.5,
    }


@pytest.mark.parametrize("lines", [TextLines(), TextLines(has_fields=True), JsonLines()])
def test_messages_fields_and_tracebacks_are_redacted(lines: logging.Formatter) -> None:
    line = lines.format(record("key %s", KEY, error=failure(), symbol=f"?signature={KEY}"))
    assert "OSError: Max retries exceeded with url: /api/v3/order?***" in line
    assert "canary0canary" not in line
    assert KEY not in line


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\x1b[2K", "\u2028", "\x85", "\x00"])
def test_nothing_in_a_message_begins_another_line(separator: str) -> None:
    forged = f"lost{separator}2026-11-22T12:00:00.250Z ERROR bpx: forged"
    for lines in (TextLines(has_fields=True), JsonLines()):
        line = lines.format(record("%s", forged, symbol=forged))
        assert separator not in line
        assert line.isprintable()


def test_the_lines_of_a_traceback_stand_back_whatever_the_error_says() -> None:
    _, *below = TextLines().format(record("lost", error=failure())).split("\n")
    assert len(below) > 3
    assert all(line.startswith("    ") for line in below)
    assert "    bpx" in below
