"""What `make dist` makes is all that is needed, on a machine that has nothing of ours."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen
from venv import create

import pytest

import bpx
from tests.deploy.installing import checkout
from tests.proxy import ROOT, bare_environment, free_port, running, wait_for_server


def pins(path: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-").replace(".", "-"): version for name, version in found}


def test_the_licence_of_every_pin_is_listed() -> None:
    rows = (line.split("|") for line in (ROOT / "docs/licences.md").read_text().splitlines())
    listed = {row[1].strip(): [cell.strip() for cell in row[2:5]] for row in rows if len(row) > 4}
    del listed["Name"]
    found = {
        name.lower().replace("_", "-").replace(".", "-"): cells[0]
        for name, cells in listed.items() if set(name) != {"-"}
    }  # fmt: skip
    assert found == pins("requirements.txt")
    assert not [name for name, cells in listed.items() if cells[1] in ("", "UNKNOWN")]


def test_what_changes_is_told_under_a_version() -> None:
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert re.fullmatch(r"\d+\.\d+\.\d+", bpx.__version__)
    assert f'"{bpx.__version__}"' not in (ROOT / "pyproject.toml").read_text()


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist") / "dist"
    done = subprocess.run(
        ["make", "dist", f"DIST={folder}", f"PYTHON={sys.executable}", "DEV="],
        cwd=checkout(folder.parent), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(params=[".whl", ".tar.gz"])
def installed(request: pytest.FixtureRequest, dist: Path, tmp_path: Path) -> Path:
    """The programs of an empty environment into which one file was installed."""
    (made,) = dist.glob(f"bpx-{bpx.__version__}*{request.param}")
    create(tmp_path / "empty", with_pip=False, symlinks=True)
    programs = tmp_path / "empty" / "bin"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet",
         f"{made}[demo]"],
        check=True, timeout=280, capture_output=True,
    )  # fmt: skip
    return programs


@pytest.mark.long
@pytest.mark.timeout(600)
def test_what_is_installed_runs_the_demo_until_it_is_told_to_end(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "wsgi.py").write_text("raise SystemExit('somebody else has one, too')\n")
    spot, futures, log = free_port(), free_port(), tmp_path / "log"
    command = ["env", "-C", str(tmp_path), str(installed / "bpx"), "demo"]
    flags = ["--server.port-spot", str(spot), "--server.port-futures", str(futures)]
    with running([*command, *flags], {}, log) as process:
        wait_for_server(spot, process, log)
        target = f"http://127.0.0.1:{spot}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
        with urlopen(target, timeout=20) as answer:
            assert answer.read().count(b"],[") == 4
        with urlopen(f"http://127.0.0.1:{futures}/fapi/v1/time", timeout=20) as answer:
            assert answer.status == 200


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_wheel_alone_serves_and_says_what_the_demo_needs(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    create(tmp_path / "empty", with_pip=False, symlinks=True)
    python = tmp_path / "empty" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run(
        [*pip, "--require-hashes", "-r", ROOT / "requirements.txt"], check=True, timeout=280
    )
    subprocess.run([*pip, "--no-deps", wheel], check=True, timeout=280)
    done = subprocess.run(
        [python.with_name("bpx"), "demo"], cwd=tmp_path, env=bare_environment(),
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, "pip install 'bpx[demo]'" in done.stderr) == (2, True)
