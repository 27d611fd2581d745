"""The image: its steps are carried out, and what they make runs as an engine would run it."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path
from time import monotonic

import pytest
import requests

from bpx.settings.reading import unknown_variables
from bpx.simulator.simulator import Simulator
from deploy.container import rootfs
from deploy.container.rootfs import Stage, steps
from tests.deploy.engine import Container, Group, missing, running_container
from tests.deploy.specification import DOCKER_RUN, MANIFEST, MANIFEST_LIMIT_MB, Run, parsed
from tests.proxy import ROOT, running, wait_for_server
from tests.waiting import eventually

STEPS = list(steps((ROOT / "Dockerfile").read_text()))
HERE = "127.9.0.1"  # of the machine, and nobody else's: the specification's ports are free there
INTERVALS = ("1m", "5m", "15m", "1h", "4h")
SERIES = 100
BOTS = 4
FIRST_S = 5.0  # in which each series is asked for, for the first time
LOADED_S = 20.0  # for which bots ask as fast as they can
LIMITS = "--platform=manylinux2014_{0} --platform=manylinux_2_28_{0} --python-version=3.11"


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """A simulated exchange, as variables."""
    with Simulator("spot") as spot, Simulator("futures") as futures:
        yield {
            "BPX_UPSTREAM_SPOT_REST": spot.rest_url,
            "BPX_UPSTREAM_SPOT_WS": spot.ws_url,
            "BPX_UPSTREAM_FUTURES_REST": futures.rest_url,
            "BPX_UPSTREAM_FUTURES_WS": futures.ws_url,
        }


def paths_of(run: Run) -> dict[int, str]:
    """Return what is to answer with 200: port -> path."""
    spot, futures = (int(run.env.get(f"BPX_SERVER_PORT_{market}", port))
                     for market, port in (("SPOT", 8090), ("FUTURES", 8091)))  # fmt: skip
    paths = {spot: "/api/v3/time", futures: "/fapi/v1/time"}
    return {port: paths.get(port, "/health") for port in run.open_ports()}


def is_taken(port: int) -> bool:
    try:
        socket.create_server((HERE, port)).close()
    except OSError:
        return True
    return False


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HERE, port)) == 0


@pytest.mark.parametrize("name", DOCKER_RUN)
def test_each_docker_run_of_the_specification_answers_where_it_says(
    name: str, exchange: dict[str, str], tmp_path: Path
) -> None:
    run = parsed(DOCKER_RUN[name])
    assert unknown_variables(run.env) == []
    if taken := [port for port in run.open_ports() if is_taken(port)]:
        pytest.skip(f"somebody has port {taken[0]}")
    env = run.env | exchange | {"BPX_SERVER_HOST": HERE}
    for number, theirs in enumerate(run.volumes.values()):
        ours = tmp_path / str(number)
        ours.mkdir()
        env = {key: text.replace(theirs, str(ours)) for key, text in env.items()}
    log = tmp_path / "log"
    with running([sys.executable, "-m", "bpx"], env, log):
        for port, path in paths_of(run).items():
            # Asked, and not taken for a moment: that would keep the server from it.
            eventually(lambda: is_open(port), within_s=20)  # noqa: B023 - it is asked at once
            assert requests.get(f"http://{HERE}:{port}{path}", timeout=20).status_code == 200
        assert is_open(8091) == (8091 in run.open_ports())
    if "BPX_LOG_OUTPUT" in env:
        assert "spot on" in Path(env["BPX_LOG_OUTPUT"]).read_text()
        assert "is no option" not in log.read_text()


def test_the_image_is_what_the_specification_s_examples_want() -> None:
    run = "".join(rest for word, rest in STEPS if word == "RUN")
    assert ("USER", "1000:1000") in STEPS
    assert ("STOPSIGNAL", "SIGTERM") in STEPS
    assert ("ENTRYPOINT", '["python", "-m", "bpx"]') in STEPS  # no shell takes SIGTERM from it
    assert "install -y --no-install-recommends curl" in run
    assert "--require-hashes" in run
    for volume in parsed(DOCKER_RUN["log volume"]).volumes.values():
        assert f"install -d -o bpx -g bpx {volume}" in run
    assert [word for word, _ in STEPS].count("FROM") == 2
    assert [rest for word, rest in STEPS if word == "EXPOSE"] == ["8090 8091 8092"]


def test_nothing_is_sent_to_the_engine_but_what_the_image_is_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        name for word, rest in STEPS if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
    }  # fmt: skip
    assert "*" in lines
    assert {line[1:] for line in lines if line[0] == "!"} == copied


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_each_pin_has_a_wheel_with_a_known_hash(machine: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--no-deps",
         "--require-hashes", "--requirement=requirements.txt", f"--dest={tmp_path}",
         *LIMITS.format(machine).split()],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert len(list(tmp_path.glob("*.whl"))) == len(pins)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if gone := missing():
        pytest.skip(f"no image can be made here: there is no {gone}")
    folder = tmp_path_factory.mktemp("rootfs")
    folder.parent.chmod(0o755)
    yield rootfs.build(folder)
    shutil.rmtree(folder)


def ask(port: int, path: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=20)


def ready(container: Container, ports: dict[int, str]) -> None:
    for port in ports:
        wait_for_server(port, container.process, container.log_path)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_image_holds_what_runs_and_no_more(image: Stage) -> None:
    programs = {path.name for path in (image.root / "opt/bpx/bin").iterdir()}
    assert programs == {"python", "python3", "python3.11"}
    assert not list(image.root.glob("opt/bpx/lib/*/site-packages/pip"))
    assert not (image.root / "opt/bpx/app/tests").exists()
    assert list(image.root.glob("opt/bpx/app/bpx/__pycache__/*.pyc"))
    assert (image.root / "usr/bin/curl").exists()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_runs_as_the_specification_s_example_with_a_log_volume(
    image: Stage, exchange: dict[str, str], tmp_path: Path
) -> None:
    run, volume = parsed(DOCKER_RUN["log volume"]), tmp_path / "volume"
    volume.mkdir()
    shutil.chown(volume, 1000, 1000)
    ports, log = paths_of(run), tmp_path / "log"
    volumes = {volume: next(iter(run.volumes.values()))}
    with running_container(image, run.env | exchange, log, volumes=volumes) as container:
        ready(container, ports)
        status = Path(f"/proc/{container.pid}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert set(facts["Uid"].split()) == {"1000"}
        assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
        assert facts["NSpid"].split()[-1] == "1"
        for port, path in ports.items():
            assert ask(port, path).status_code == 200
        eventually(container.is_well, within_s=20)
        curl = container.run("curl", "-fsS", f"http://localhost:{max(ports)}/health")
        assert curl.returncode == 0, curl.stderr
        assert container.run("touch", "/opt/bpx/app/x").returncode != 0
        assert container.stop() == 0
        assert not container.is_well()
    assert "Traceback" not in log.read_text()
    assert "told to end by SIGTERM" in (volume / "proxy.log").read_text()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_its_check_is_of_the_market_where_metrics_are_off(
    image: Stage, exchange: dict[str, str], tmp_path: Path
) -> None:
    run = parsed(DOCKER_RUN["spot only"])
    with running_container(image, run.env | exchange, tmp_path / "log") as container:
        ready(container, paths_of(run))
        assert container.is_well()
        told = container.run("python", "-m", "bpx", "health")
        assert "its port answers" in told.stdout
        child = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
        subprocess.run(["kill", "-STOP", *child], check=True)
        assert not container.is_well()
        subprocess.run(["kill", "-CONT", *child], check=True)
        assert container.stop() == 0


def series(rest_url: str) -> list[str]:
    """Return targets of as many series of candles as the test follows."""
    listed = requests.get(f"{rest_url}/api/v3/exchangeInfo", timeout=10).json()["symbols"]
    symbols = [one["symbol"] for one in listed if one["status"] == "TRADING"]
    pairs = islice(product(INTERVALS, filter(str.isascii, symbols)), SERIES)
    return [f"/api/v3/klines?symbol={one}&interval={other}&limit=1000" for other, one in pairs]


def load(targets: list[str], until: float) -> int:
    """Ask for one after the other, as fast as they are answered; return how many were."""
    count, rest = 0, cycle(targets)
    with requests.Session() as session:
        while monotonic() < until:
            reply = session.get(f"http://127.0.0.1:8090{next(rest)}", timeout=20)
            assert reply.status_code == 200
            count += 1
    return count


def most_memory(group: Group, loads: list[Future[int]]) -> float:
    """Return the most megabytes that were taken until all have ended."""
    most_mb = group.anonymous_mb()
    while wait(loads, timeout=0.1).not_done:
        most_mb = max(most_mb, group.anonymous_mb())
    return most_mb


@pytest.mark.long
@pytest.mark.timeout(600)
def test_with_the_manifest_s_memory_100_series_are_served_under_load(
    image: Stage, exchange: dict[str, str], tmp_path: Path
) -> None:
    targets, log = series(exchange["BPX_UPSTREAM_SPOT_REST"]), tmp_path / "log"
    assert len(targets) == SERIES
    env = MANIFEST | exchange

    def is_followed(target: str) -> bool:
        return ask(8090, target).headers.get("Data-Source") == "websocket"

    with running_container(image, env, log, limit_mb=MANIFEST_LIMIT_MB) as container:
        ready(container, {8090: "", 8091: "", 8092: ""})
        load(targets, monotonic() + FIRST_S)
        for target in targets:
            eventually(partial(is_followed, target), within_s=60)
        until = monotonic() + LOADED_S
        with ThreadPoolExecutor(BOTS) as bots:
            loads = [bots.submit(load, targets, until) for _ in range(BOTS)]
            most_mb = most_memory(container.group, loads)
        assert all(map(is_followed, targets))
        assert container.group.kills() == 0
        assert container.stop() == 0
    answered = sum(one.result() for one in loads)
    print(f"{SERIES} series, {answered} requests in {LOADED_S:.0f} s: {most_mb:.0f} MB at most")
    assert 20 < most_mb < MANIFEST_LIMIT_MB  # less would be of nobody
    assert "Traceback" not in log.read_text()
