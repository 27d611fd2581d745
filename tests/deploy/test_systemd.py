"""The services: what systemd's own tools say of them, what `make install` makes of them."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from bpx.settings.reading import unknown_variables
from tests.deploy.installing import WITHOUT_EXCHANGE, checkout, make
from tests.proxy import ROOT, bare_environment, free_port, running, wait_for_server
from tests.waiting import eventually

UNITS = sorted((ROOT / "systemd").glob("*.service"))
PREFIX = "/opt/proxies"
BASE = f"{sys.base_prefix}/bin/python3"


def by_systemd(*args: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    return subprocess.run(
        ["systemd-analyze", *args], capture_output=True, text=True, timeout=60, check=False
    )


def settings_of(unit: Path) -> list[tuple[str, str]]:
    lines = [line for line in unit.read_text().splitlines() if "=" in line and line[0] != "#"]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def test_there_is_a_service_for_each_market_and_one_for_both() -> None:
    commands = {unit.name: dict(settings_of(unit))["ExecStart"] for unit in UNITS}
    assert commands == {
        "bpx.service": "/usr/local/bin/bpx serve",
        "bpx-spot.service": "/usr/local/bin/bpx serve --disable-futures",
        "bpx-futures.service": "/usr/local/bin/bpx serve --disable-spot",
    }


def test_they_differ_in_nothing_but_the_market() -> None:
    of_the_market = {"Description", "Conflicts", "EnvironmentFile", "ExecStart"}
    rest = [[one for one in settings_of(unit) if one[0] not in of_the_market] for unit in UNITS]
    assert rest[0] == rest[1] == rest[2]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_service_is_exposed_no_more_than_2_of_10(unit: Path) -> None:
    done = by_systemd("security", "--offline=true", "--threshold=20", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout
    score = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert score is not None
    assert float(score[1]) <= 2.0


def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    command = tmp_path / "bpx"
    shutil.copy(ROOT / "systemd" / "bpx", command)
    command.chmod(0o755)
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/local/bin", str(tmp_path)))
    done = by_systemd("verify", *(str(tmp_path / unit.name) for unit in UNITS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_variable_of_the_example_is_an_option() -> None:
    lines = (ROOT / "systemd" / "bpx.env").read_text().splitlines()
    names = dict.fromkeys(line[1:].partition("=")[0] for line in lines if line[:2] == "#B")
    assert names
    assert unknown_variables(names) == []


@dataclass(frozen=True)
class Installed:
    """What `make install` has put below a folder."""

    root: Path

    @property
    def bin(self) -> Path:
        return self.root / PREFIX[1:] / "bin"

    def command(self, unit: str) -> list[str]:
        """Return what a service starts, below our folder."""
        file = self.root / PREFIX[1:] / "lib/systemd/system" / f"{unit}.service"
        program, *args = dict(settings_of(file))["ExecStart"].split()
        return [f"{self.root}{program}", *args]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    root = tmp_path_factory.mktemp("installed")
    sources = checkout(tmp_path_factory.mktemp("sources"))
    make("install", sources, root, PREFIX, BASE)
    own = root / "etc/bpx/bpx.env"  # an operator's own file
    own.write_text("BPX_ENV=production\n")
    yield Installed(root)
    make("uninstall", sources, root, PREFIX, BASE)
    assert [path for path in root.rglob("*") if path.is_file() or path.is_symlink()] == [own]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_is_installed_runs_from_anywhere(installed: Installed, tmp_path: Path) -> None:
    link = tmp_path / "bpx"
    link.symlink_to(installed.bin / "bpx")
    done = subprocess.run(
        [link, "--version"], cwd=tmp_path, env=bare_environment(), capture_output=True, text=True,
        timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("bpx ")
    assert all(path.stat().st_mode & 0o004 for path in installed.root.rglob("*"))


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("unit", "markets"),
    [("bpx", {"SPOT", "FUTURES"}), ("bpx-spot", {"SPOT"}), ("bpx-futures", {"FUTURES"})],
)
def test_each_service_starts_says_so_and_serves_its_market(
    installed: Installed, tmp_path: Path, unit: str, markets: set[str]
) -> None:
    ports = {"SPOT": free_port(), "FUTURES": free_port()}
    operators, log = free_port(), tmp_path / "log"
    env = WITHOUT_EXCHANGE | {
        "BPX_ENV": "production",
        "BPX_FEAT_METRICS_PORT": str(operators),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        **{f"BPX_SERVER_PORT_{market}": str(port) for market, port in ports.items()},
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(env["NOTIFY_SOCKET"])
        manager.settimeout(20)
        with running(installed.command(unit), env, log) as process:
            said = manager.recv(4096).decode().splitlines()
            assert said[:2] == ["READY=1", f"MAINPID={process.pid}"]
            for market in markets:
                wait_for_server(ports[market], process, log)
            with urlopen(f"http://127.0.0.1:{operators}/live", timeout=10) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGHUP)
            eventually(lambda: "Worker exiting" in log.read_text(), within_s=20)
    for market in ports.keys() - markets:
        assert str(ports[market]) not in log.read_text()
