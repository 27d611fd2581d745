import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest

import bpx
from bpx.cli.main import COMMANDS, main
from bpx.simulator.simulator import Simulator
from tests.proxy import ROOT, bare_environment, free_port, running, wait_for_server
from tests.waiting import eventually

NOWHERE = "http://127.0.0.1:9"
WITHOUT_EXCHANGE = {
    "BPX_UPSTREAM_SPOT_REST": NOWHERE,
    "BPX_UPSTREAM_SPOT_WS": "ws://127.0.0.1:9",
    "BPX_UPSTREAM_FUTURES_REST": NOWHERE,
    "BPX_UPSTREAM_FUTURES_WS": "ws://127.0.0.1:9",
}


def bpx_command(*args: str) -> list[str]:
    return [sys.executable, "-m", "bpx", *args]


def ended(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        bpx_command(*args), cwd=ROOT, env=bare_environment(), capture_output=True, text=True,
        timeout=50, check=False,
    )  # fmt: skip


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def test_the_version_is_printed() -> None:
    assert ended("--version").stdout == f"bpx {bpx.__version__}\n"


def test_the_help_is_printed() -> None:
    done = ended("-h")
    assert done.returncode == 0
    assert "--server.port-spot PORT" in done.stdout


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--port-sopt=1"], "bpx: there is no option --port-sopt; -h lists them all"),
        (["start"], "bpx: there is no command start; bpx help lists them"),
        (["start", "-h"], "bpx: there is no command start; bpx help lists them"),
        (["-p"], "bpx: argument --server.port-spot/-p/--port-spot: expected one argument"),
        (["-sf"], "bpx: --disable-spot and --disable-futures together leave nothing to serve"),
    ],
)
def test_a_bad_option_ends_with_one_line_and_code_2(args: Sequence[str], line: str) -> None:
    done = ended(*args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{line}\n")


def without_the_exchange_s_packages(*args: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; sys.modules.update(aiohttp=None, cryptography=None);"
        "from bpx.cli.main import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *args], cwd=ROOT, env=bare_environment(),
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_without_the_exchange_s_packages_one_line_names_them(command: str) -> None:
    done = without_the_exchange_s_packages(command)
    line = (
        "bpx: the simulated exchange needs requirements-simulator.txt: make demo installs it, and "
        "so does pip install 'bpx[demo]'\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


@pytest.mark.parametrize("command", ["demo", "simulate", "smoke"])
def test_help_of_a_command_needs_no_packages_and_names_what_can_be_typed(command: str) -> None:
    done = without_the_exchange_s_packages(command, "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m bpx {command}")


def test_every_command_is_listed_and_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = ended("help").stdout
    for command in COMMANDS:
        assert f"  {command} " in listed
        if command not in ("serve", "demo", "simulate", "smoke"):
            with pytest.raises(SystemExit) as ending:
                main([command, "--help"])
            assert ending.value.code == 0
            assert f"Example:\n  bpx {command}" in capsys.readouterr().out


def test_both_markets_are_served_where_the_flags_of_the_original_say(tmp_path: Path) -> None:
    spot, futures, log = free_port(), free_port(), tmp_path / "log"
    flags = ["-p", str(spot), "-t", str(futures)]
    with running(bpx_command(*flags), WITHOUT_EXCHANGE, log) as process:
        wait_for_server(spot, process, log)
        wait_for_server(futures, process, log)


@pytest.mark.parametrize(("flag", "spot_is_open"), [("-s", False), ("-f", True)])
def test_a_disabled_market_has_no_port(tmp_path: Path, flag: str, spot_is_open: bool) -> None:
    spot, futures, log = free_port(), free_port(), tmp_path / "log"
    flags = ["-p", str(spot), "-t", str(futures), flag]
    with running(bpx_command(*flags), WITHOUT_EXCHANGE, log) as process:
        wait_for_server(spot if spot_is_open else futures, process, log)
        assert (is_open(spot), is_open(futures)) == (spot_is_open, not spot_is_open)


def test_the_host_is_where_the_port_is_open(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    flags = ["-f", "-p", str(port), "--server.host=127.0.0.3"]
    with running(bpx_command(*flags), WITHOUT_EXCHANGE, log) as process:
        wait_for_server(port, process, log, "127.0.0.3")
        assert not is_open(port)


def test_the_operators_port_is_open_only_if_metrics_are_enabled(tmp_path: Path) -> None:
    spot, metrics, log = free_port(), free_port(), tmp_path / "log"
    flags = ["-f", "-p", str(spot), f"--features.metrics-port={metrics}"]
    with running(bpx_command(*flags), WITHOUT_EXCHANGE, log) as process:
        wait_for_server(spot, process, log)
        assert not is_open(metrics)
    flags += ["--features.enable-metrics"]
    with running(bpx_command(*flags), WITHOUT_EXCHANGE, log) as process:
        wait_for_server(metrics, process, log)
        with urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
            assert b"process_start_time_seconds" in answer.read()


def test_forwards_are_shown_if_asked_for(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    with Simulator("spot") as exchange:
        upstream = {
            "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
            "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        }
        flags = ["-f", "-a", "-p", str(port), "--logging.level=error"]
        with running(bpx_command(*flags), upstream, log) as process:
            wait_for_server(port, process, log)
            urlopen(f"http://127.0.0.1:{port}/api/v3/ticker/price?symbol=BTCUSDT").close()
            eventually(lambda: "spot GET /api/v3/ticker/price -> 200 in" in log.read_text())
            assert "symbol=BTCUSDT" not in log.read_text()
