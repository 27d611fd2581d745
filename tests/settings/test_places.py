import os
import sys
from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.settings import load
from bpx.settings.places import with_config_file
from tests.proxy import free_port, running, wait_for_server

NOWHERE = {"BPX_UPSTREAM_SPOT_REST": "http://127.0.0.1:9", "BPX_UPSTREAM_SPOT_WS": "ws://[::1]:9"}


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for each place that is looked into; there is a file in the machine's."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    written(tmp_path / "etc" / "bpx.conf")
    return tmp_path


def written(path: Path, level: str = "warn") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"logging.level = {level}\n")
    return path


def with_file(environ: dict[str, str], *argv: str) -> dict[str, str]:
    """Return the variables, as on a machine whose own file is beside the folder we are in."""
    return with_config_file(argv, environ, Path.cwd().parent / "etc" / "bpx.conf")


def found(environ: dict[str, str], *argv: str) -> str | None:
    return with_file(environ, *argv).get("BPX_CONFIG")


def test_the_first_place_with_a_file_counts(homes: Path) -> None:
    environ = {"HOME": str(homes / "home")}
    assert found(environ) == str(homes / "etc" / "bpx.conf")
    assert found(environ) == found({})
    own = written(homes / "home" / ".config" / "bpx" / "bpx.conf")
    assert found(environ) == str(own)
    moved = written(homes / "elsewhere" / "bpx" / "bpx.conf")
    assert found(environ | {"XDG_CONFIG_HOME": str(homes / "elsewhere")}) == str(moved)
    here = written(Path("bpx.conf"), "error")
    assert found(environ) == str(here.absolute())
    assert load([], with_file(environ)).log_level == "error"


def test_a_file_that_is_named_is_the_only_one(homes: Path) -> None:
    written(Path("bpx.conf"), "error")
    named = str(written(homes / "named"))
    assert found({"BPX_CONFIG": named}) == named
    assert load(["--config", named], with_file({}, "--config", named)).log_level == "warn"
    assert found({"BPX_CONFIG": os.devnull}) == os.devnull
    assert found({"BPX_CONFIG": ""}) != ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_here_of_another_user_is_refused_unless_it_is_named(homes: Path) -> None:
    os.chown(written(Path("bpx.conf")), 1000, 1000)
    with pytest.raises(BadOption, match=r"\./bpx\.conf belongs to another user"):
        found({})
    assert found({}, "--config", "bpx.conf") is None


def test_a_server_says_which_file_it_has_found(tmp_path: Path) -> None:
    file = written(tmp_path / "bpx" / "bpx.conf", "info")
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "bpx", "-f", "-p", str(port)]
    with running(command, NOWHERE | {"XDG_CONFIG_HOME": str(tmp_path)}, log) as process:
        wait_for_server(port, process, log)
    assert f"config file {file}" in log.read_text()
