import pytest

from bpx.server.cautions import cautions
from bpx.settings import load
from bpx.settings.deployed import PLACES, variables_file
from bpx.settings.reading import OPTIONS, unknown_variables
from tests.proxy import ROOT

FILES = {
    "kubernetes": ROOT / "deploy/kubernetes/base/options.env",
    "compose": ROOT / "deploy/compose/options.env",
}


def read(place: str) -> dict[str, str]:
    """Return what a file of variables sets."""
    lines = [line for line in FILES[place].read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split("=", 1) for line in lines)


def test_each_place_has_its_file() -> None:
    assert set(FILES) == set(PLACES)


@pytest.mark.parametrize("place", FILES)
def test_the_files_are_what_the_options_say(place: str) -> None:
    assert FILES[place].read_text() == variables_file(place), f"python -m bpx.settings {place}"


@pytest.mark.parametrize("place", FILES)
def test_a_file_names_every_option_but_what_is_secret(place: str) -> None:
    lines = FILES[place].read_text().splitlines()
    named = [line.removeprefix("# ").partition("=")[0] for line in lines if "=" in line]
    assert sorted(named) == sorted(one.variable for one in OPTIONS.values() if not one.is_secret)


@pytest.mark.parametrize("place", FILES)
def test_what_is_set_is_understood_and_opens_no_door(place: str) -> None:
    assert unknown_variables(read(place)) == []
    settings = load([], read(place))
    assert (settings.environment, settings.is_open) == ("production", False)
    assert cautions(settings) == []
    assert settings.metrics_enabled, "nothing else would answer probes"
