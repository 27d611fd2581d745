import json

import pytest

from bpx.cli.output import Output, size, span


def test_a_table_is_text_without_colours_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().table(("what", "number#"), [("ok", 1234), ("[red]x[/]", None)])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["what       number", "ok          1,234", "[red]x[/]"]


def test_json_is_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    Output(is_json=True).data({"symbol": "这是测试币456", "n": [1, None]})
    text = capsys.readouterr().out
    assert json.loads(text) == {"symbol": "这是测试币456", "n": [1, None]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.0, "0 ms"), (0.25, "250 ms"), (61.0, "61.0 s"), (600.0, "10 min"),
     (90_000.0, "25 h")],
)  # fmt: skip
def test_times_are_for_people(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0, "0 B"), (9_999, "9999 B"), (10_240, "10 KB"), (50 << 20, "50 MB")],
)
def test_sizes_are_for_people(number: int | None, text: str) -> None:
    assert size(number) == text
