"""The services under the real systemd: what it does with them, and they with it."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.container.rootfs import make_base
from tests.deploy.booted import Machine, booted, missing
from tests.deploy.installing import WITHOUT_EXCHANGE, checkout, make
from tests.proxy import running
from tests.waiting import eventually

PACKAGES = "systemd,systemd-sysv,python3"
DROP_IN = "/run/systemd/system/bpx.service.d"
PYTHON = "/usr/bin/python3"  # of the machine, and the same of ours

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if gone := missing():
        pytest.skip(f"no machine can be booted here: there is no {gone}")
    facts = platform.freedesktop_os_release()
    if facts["ID"] != "debian" or not Path(PYTHON).exists():
        pytest.skip("this is no Debian with a Python: the machine's would not fit")
    folder = tmp_path_factory.mktemp("machine")
    root = folder / "root"
    make_base(root, facts["VERSION_CODENAME"], PACKAGES)
    make("install", checkout(folder), root, prefix="/usr/local", python=PYTHON)
    lines = [f"{name}={text}" for name, text in WITHOUT_EXCHANGE.items()]
    (root / "etc/bpx/bpx.env").write_text("\n".join(lines))
    with booted(root, folder / "log") as made:
        if made is None:
            pytest.skip(f"systemd does not come up here: {(folder / 'log').read_text()[-500:]}")
        yield made
    shutil.rmtree(root)


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """The machine, with the service of both markets running."""
    done = machine.run("systemctl", "restart", "bpx")
    assert done.returncode == 0, machine.log("bpx")
    yield machine
    machine.run("systemctl", "stop", "bpx", "bpx-spot", "bpx-futures")
    machine.run("systemctl", "reset-failed")


def test_it_starts_when_it_serves_and_has_no_rights(service: Machine) -> None:
    assert service.told("bpx", "StatusText") == "serving"
    assert service.told("bpx", "ActiveState") == "active"
    status = service.run("cat", f"/proc/{service.workers('bpx')}/status").stdout
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert 61184 <= int(facts["Uid"].split()[0]) <= 65519  # of those that come and go


def test_a_reload_brings_a_new_worker(service: Machine) -> None:
    main, old = service.told("bpx", "MainPID"), service.workers("bpx")
    assert service.run("systemctl", "reload", "bpx").returncode == 0
    eventually(lambda: service.workers("bpx") not in (old, ""), within_s=30)
    eventually(lambda: len(service.workers("bpx").split()) == 1, within_s=30)
    assert service.told("bpx", "MainPID") == main
    assert service.told("bpx", "NRestarts") == "0"


def test_what_is_killed_or_stuck_is_started_again(service: Machine) -> None:
    service.shell(f"kill -9 {service.told('bpx', 'MainPID')}")
    eventually(lambda: service.told("bpx", "NRestarts") == "1", within_s=30)
    service.shell(f"mkdir -p {DROP_IN}; printf '[Service]\nWatchdogSec=3\n' > {DROP_IN}/soon.conf")
    service.shell("systemctl daemon-reload && systemctl restart bpx")
    service.shell(f"kill -STOP {service.workers('bpx')}")
    eventually(lambda: "Watchdog timeout" in service.log("bpx"), within_s=30)
    eventually(lambda: service.told("bpx", "ActiveState") == "active", within_s=30)
    service.shell(f"rm -r {DROP_IN}; systemctl daemon-reload")


@pytest.fixture
def exchange(machine: Machine, tmp_path: Path) -> Iterator[None]:
    """A simulated exchange in the machine's network, by TLS; each market's service knows it."""
    said = tmp_path / "exchange"
    command = machine.beside(sys.executable, "-m", "bpx", "simulate", "--tls")
    with running(command, {}, said):
        eventually(lambda: "listening" in said.read_text(), within_s=30)
        options = dict(re.findall(r"BPX_(UPSTREAM_\w+)=(\S+)", said.read_text()))
        shutil.copy(options["UPSTREAM_CA_FILE"], machine.root / "etc/bpx/ca.pem")
        (machine.root / "etc/bpx/ca.pem").chmod(0o644)
        options["UPSTREAM_CA_FILE"] = "/etc/bpx/ca.pem"
        lines = "".join(f"BPX_{name}={value}\n" for name, value in options.items())
        (machine.root / "etc/bpx/bpx-spot.env").write_text(lines)
        (machine.root / "etc/bpx/bpx-futures.env").write_text(lines)
        yield
    machine.shell("rm /etc/bpx/bpx-spot.env /etc/bpx/bpx-futures.env")


def test_with_no_rights_it_follows_streams_by_tls(exchange: None, service: Machine) -> None:
    service.shell("systemctl start bpx-spot bpx-futures")
    for port, path in ((8090, "api/v3"), (8091, "fapi/v1")):
        target = f"http://127.0.0.1:{port}/{path}/klines?symbol=BTCUSDT&interval=1m&limit=9"

        def source(target: str = target) -> str:
            asking = service.beside("curl", "-sS", "-D-", "-o/dev/null", "-m10", target)
            return subprocess.run(asking, capture_output=True, text=True, check=True).stdout

        eventually(lambda: "Data-Source: websocket" in source(), within_s=30)
    service.shell("bpx health --ready --url http://127.0.0.1:8092")
    service.shell("bpx health --ready --url http://127.0.0.1:8093")
    service.shell("systemctl reload bpx-spot")
    for unit in ("bpx-spot", "bpx-futures"):
        assert "Operation not permitted" not in service.log(unit)
        assert "Traceback" not in service.log(unit)


def test_it_stops_at_once_and_well(service: Machine) -> None:
    assert service.run("systemctl", "stop", "bpx").returncode == 0
    assert service.told("bpx", "Result") == "success"
    assert service.told("bpx", "ExecMainStatus") == "0"


def test_one_service_a_market_takes_the_place_of_the_one_for_both(service: Machine) -> None:
    assert service.run("systemctl", "start", "bpx-spot", "bpx-futures").returncode == 0
    states = [service.told(unit, "ActiveState") for unit in ("bpx", "bpx-spot", "bpx-futures")]
    assert states == ["inactive", "active", "active"]
    assert service.told("bpx-spot", "StatusText") == "serving"


def test_options_that_cannot_be_used_are_not_tried_again(service: Machine) -> None:
    service.shell("echo 'server.port-spot = moon' > /etc/bpx/bpx.conf")
    assert service.run("systemctl", "restart", "bpx").returncode != 0
    assert service.told("bpx", "ExecMainStatus") == "2"
    assert service.told("bpx", "ActiveState") == "failed"
    assert "--server.port-spot (BPX_SERVER_PORT_SPOT) accepts" in service.log("bpx")
    service.shell("rm /etc/bpx/bpx.conf")


def test_its_log_may_go_to_its_folder(service: Machine) -> None:
    service.shell("echo 'logging.output = /var/log/bpx/bpx.log' > /etc/bpx/bpx.conf")
    assert service.run("systemctl", "restart", "bpx").returncode == 0
    assert "spot on" in service.run("cat", "/var/log/bpx/bpx.log").stdout
    service.shell("rm /etc/bpx/bpx.conf")
