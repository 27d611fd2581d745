import json
from pathlib import Path

import pytest

from bpx.cli import freqtrade_config


def test_it_is_written_to_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert freqtrade_config.main(["spot", "--proxy", "http://10.0.0.2:8090/"]) == 0
    config = json.loads(capsys.readouterr().out)
    api = config["exchange"]["ccxt_config"]["urls"]["api"]
    assert (config["trading_mode"], api) == ("spot", {"public": "http://10.0.0.2:8090/api/v3"})


def test_or_to_a_file_and_never_over_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bpx.json"
    assert freqtrade_config.main(["futures", "--out", str(file)]) == 0
    written = file.read_text()
    assert json.loads(written)["trading_mode"] == "futures"
    assert freqtrade_config.main(["spot", "--out", str(file)]) == 2
    assert "cannot be written: File exists" in capsys.readouterr().err
    assert file.read_text() == written
