import json
import re
from pathlib import Path

import pytest

from bpx.cli import config
from bpx.settings import table


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("os.environ", {})
    return monkeypatch


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_every_option_is_shown_with_its_value_source_and_default(
    environ: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.setattr("os.environ", {"BPX_WS_MAX_AGE": "2h"})
    file = tmp_path / "bpx.conf"
    file.write_text("server.port-futures = 9001\n")
    argv = ["show", "--json", "--config", str(file), "--server.port-spot", "9000"]
    assert config.main(argv) == 0
    rows = {row["option"]: row for row in json.loads(out(capsys))}
    assert rows["--server.port-spot"] == {
        "option": "--server.port-spot", "variable": "BPX_SERVER_PORT_SPOT", "value": "9000",
        "set by": "flag", "default": "8090",
    }  # fmt: skip
    assert (rows["--server.port-futures"]["set by"], rows["--websocket.max-age"]["set by"]) == (
        "file", "variable",
    )  # fmt: skip
    assert rows["--logging.level"]["set by"] == "default"


def test_only_what_was_changed_is_shown_if_so_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.main(["show", "--changed", "--server.port-spot=9000"]) == 0
    lines = out(capsys).splitlines()
    assert len(lines) == 2
    assert re.match(r"--server\.port-spot +BPX_SERVER_PORT_SPOT +9000 +flag +8090", lines[1])


def test_options_that_would_not_start_are_told_with_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for action in ("check", "show"):
        assert config.main([action, "--server.port-spot", "x"]) == 2
        assert "--server.port-spot" in capsys.readouterr().err


def test_names_without_effect_are_told_with_code_1(
    environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.setattr("os.environ", {"BPX_PORT_SPOT": "1", "BPX_SERVER_PROT": "1"})
    assert config.main(["check"]) == 1
    told = out(capsys)
    assert "BPX_PORT_SPOT is deprecated" in told
    assert "BPX_SERVER_PROT is no option" in told


def test_good_ones_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.main(["check", "--json"]) == 0
    assert json.loads(out(capsys)) == {"is_good": True, "notes": []}


def test_the_documentation_is_the_readmes(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.main(["docs"]) == 0
    assert out(capsys) == f"{table()}\n"
