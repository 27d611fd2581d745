from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.settings import Settings, load, variables
from bpx.settings.profiles import PROFILES
from bpx.settings.sources import sources


def test_an_environment_has_other_defaults() -> None:
    assert load([], {"BPX_ENV": "production"}).log_format == "json"
    assert load([], {"BPX_ENV": "production"}).log_level == "info"
    assert load(["--env=development"], {}).log_level == "debug"
    assert load(["--env=development"], {}).forwards_shown
    assert load([], {}) == load([], {"BPX_ENV": ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "kept"),  # megabytes in all, files put aside, days, compressed
    [
        ("development", (50, 2, 1, False)),
        ("testing", (50, 0, 1, False)),
        ("staging", (500, 5, 7, True)),
        ("production", (500, 5, 7, True)),
    ],
)
def test_each_environment_keeps_its_log_as_long_as_it_is_of_use(name: str, kept: object) -> None:
    settings = load([], {"BPX_ENV": name})
    assert kept == (
        settings.log_max_disk_mb,
        settings.log_max_backups,
        settings.log_max_age_days,
        settings.log_compressed,
    )


@pytest.mark.parametrize("name", ["staging", "production"])
def test_what_is_served_to_others_is_watched_and_careful(name: str) -> None:
    settings = load([], {"BPX_ENV": name})
    assert settings.metrics_enabled
    assert settings.circuit_breaker_enabled
    assert settings.memory_optimized
    assert settings.log_rate_limited
    assert (settings.max_retries, settings.failure_threshold) == (5, 10)


def test_every_value_of_a_profile_has_the_profile_as_its_source() -> None:
    for name, values in PROFILES.items():
        told = sources([], {"BPX_ENV": name})
        assert {field for field, source in told.items() if source == "profile"} == set(values)


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
