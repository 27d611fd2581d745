from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.settings import Settings, load, variables
from bpx.settings.profiles import PROFILES


def test_an_environment_has_other_defaults() -> None:
    assert load([], {"BPX_ENV": "production"}).log_format == "json"
    assert load([], {"BPX_ENV": "production"}).log_level == "info"
    assert load(["--env=development"], {}).log_level == "debug"
    assert load(["--env=development"], {}).forwards_shown
    assert load([], {}) == load([], {"BPX_ENV": ""}) == Settings()


@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_everything_wins_over_a_profile(source: str, tmp_path: Path) -> None:
    (tmp_path / "bpx.ini").write_text("logging.format = text\n")
    flags = {"flag": ["--logging.format=text"], "file": [f"--config={tmp_path / 'bpx.ini'}"]}
    environ = {"variable": {"BPX_LOG_FORMAT": "text"}}
    production = {"BPX_ENV": "production"} | environ.get(source, {})
    assert load(flags.get(source, []), production).log_format == "text"


@pytest.mark.parametrize("name", PROFILES)
def test_another_process_has_the_same_profile(name: str) -> None:
    settings = load([], {"BPX_ENV": name})
    assert settings != Settings(environment=name)
    assert load([], variables(settings)) == settings


def test_an_environment_that_is_unknown_is_refused() -> None:
    with pytest.raises(BadOption, match=r"--env \(BPX_ENV\) accepts one of development, testing"):
        load([], {"BPX_ENV": "moon"})
