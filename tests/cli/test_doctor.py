import json
from io import StringIO
from pathlib import Path

import pytest

from bpx.bots.writing import freqtrade_config
from bpx.cli import doctor

URLS = {"spot": "http://127.0.0.1:8090", "futures": "http://127.0.0.1:8091"}
WRONG = '{"exchange": {"name": "binance", // comments are fine\n "enable_ws": true,},}'


def test_a_right_configuration_is_code_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(freqtrade_config("spot", URLS)))
    assert doctor.main([str(file)]) == 0
    assert "goes through the proxy" in capsys.readouterr().out


def test_a_wrong_one_is_code_1_and_says_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(WRONG))
    assert doctor.main(["-"]) == 1
    told = capsys.readouterr().out
    assert "enable_ws is not false" in told
    assert 'set "enable_ws": false' in told


def test_scripts_get_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(WRONG))
    assert doctor.main(["-", "--json"]) == 1
    assert {one["level"] for one in json.loads(capsys.readouterr().out)} == {"bypasses"}


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "cannot be read"), ("{}", "is no configuration"), (None, "No such")],
)
def test_what_cannot_be_read_is_code_2(
    content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    if content is not None:
        file.write_text(content)
    assert doctor.main([str(file)]) == 2
    assert words in capsys.readouterr().err
