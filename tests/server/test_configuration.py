import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bpx.errors import BadOption
from bpx.server.configuration import (
    application_for,
    application_of,
    gunicorn_settings,
    markets_of,
)
from bpx.settings import Settings, load
from tests.proxy import ROOT, bare_environment, free_port

pytestmark = pytest.mark.usefixtures("restored_logging")


def start(args: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", *args]
    return subprocess.run(
        command, cwd=ROOT, env=bare_environment() | dict(env), capture_output=True, text=True,
        timeout=50, check=False,
    )  # fmt: skip


def made(application: str, **environ: str) -> dict[str, Any]:
    return gunicorn_settings(application, load([], environ))


def test_each_application_has_its_port() -> None:
    binds = {name: made(name)["bind"] for name in ("spot", "futures", "both")}
    assert binds == {
        "spot": ["127.0.0.1:8090"],
        "futures": ["127.0.0.1:8091"],
        "both": ["127.0.0.1:8090", "127.0.0.1:8091"],
    }


def test_ports_and_host_come_from_the_options() -> None:
    environ = {"BPX_SERVER_PORT_SPOT": "9090", "BPX_SERVER_HOST": "::1"}
    assert made("both", **environ)["bind"] == ["[::1]:9090", "[::1]:8091"]


def test_gunicorn_is_left_more_time_than_the_worker_takes_to_stop() -> None:
    assert made("spot", BPX_SERVER_SHUTDOWN_TIMEOUT="2500ms")["graceful_timeout"] == 8


@pytest.mark.parametrize("name", ["spot", "futures", "both"])
def test_the_application_is_read_from_the_command_line(name: str) -> None:
    assert application_of(["gunicorn", "-b", "unix:x", f"wsgi:{name}"]) == name


@pytest.mark.parametrize(("flags", "name"), [([], "both"), (["-s"], "futures"), (["-f"], "spot")])
def test_without_a_name_all_markets_are_served_that_are_not_disabled(
    flags: list[str], name: str
) -> None:
    assert application_for(load(flags, {})) == name


def test_a_disabled_market_is_left_out() -> None:
    assert markets_of("both", Settings(spot_disabled=True)) == ("futures",)


def test_a_market_that_is_served_alone_cannot_be_disabled() -> None:
    with pytest.raises(BadOption, match="wsgi:spot and --disable-spot contradict each other"):
        markets_of("spot", load(["-s"], {}))


METRICS = {"BPX_FEAT_ENABLE_METRICS": "yes"}


@pytest.mark.parametrize(
    ("application", "environ", "line"),
    [
        ("both", {"BPX_PORT_SPOT": "8091"},
         "--server.port-futures and --server.port-spot are both 8091; they must differ"),
        ("both", METRICS | {"BPX_PORT_SPOT": "8092"},
         "--features.metrics-port and --server.port-spot are both 8092; they must differ"),
        ("spot", METRICS | {"BPX_PORT_SPOT": "8092"},
         "--features.metrics-port and --server.port-spot are both 8092; they must differ"),
        ("futures", METRICS | {"BPX_PORT_FUTURES": "8093"},
         "--features.metrics-port and --server.port-futures are both 8093; they must differ"),
    ],
)  # fmt: skip
def test_two_that_are_served_have_two_ports(
    application: str, environ: dict[str, str], line: str
) -> None:
    with pytest.raises(BadOption) as refused:
        made(application, **environ)
    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("application", "environ", "bind"),
    [
        ("both", {"BPX_DISABLE_SPOT": "1", "BPX_PORT_FUTURES": "8090"}, ["127.0.0.1:8090"]),
        ("futures", {"BPX_PORT_FUTURES": "8090"}, ["127.0.0.1:8090"]),
        ("futures", METRICS | {"BPX_PORT_FUTURES": "8092"}, ["127.0.0.1:8092"]),
        ("futures", METRICS | {"BPX_FEAT_METRICS_PORT": "8090"}, ["127.0.0.1:8091"]),
        ("both", {"BPX_FEAT_METRICS_PORT": "8090"}, ["127.0.0.1:8090", "127.0.0.1:8091"]),
    ],
)
def test_the_port_of_what_is_not_served_is_free(
    application: str, environ: dict[str, str], bind: list[str]
) -> None:
    assert made(application, **environ)["bind"] == bind


@pytest.mark.parametrize(
    ("args", "env", "line"),
    [
        (
            ["wsgi:spot"],
            {"BPX_SERVER_PORT_SPOT": "http"},
            "bpx: -p, --port-spot, --server.port-spot (BPX_SERVER_PORT_SPOT) accepts a whole "
            "number from 1 to 65535, not 'http'",
        ),
        (
            ["wsgi:spot", "--workers", "2"],
            {},
            "bpx: --workers accepts 1, not 2: caches, streams and the request budget live in "
            "the memory of one worker",
        ),
        (
            ["wsgi:both", "-b", "127.0.0.1:0"],
            {},
            "bpx: wsgi:both needs 2 addresses: -b for spot, then -b for futures",
        ),
        (
            ["wsgi:both", "-b", "127.0.0.1:0", "-b", "127.0.0.1:0"],
            {"BPX_DISABLE_SPOT": "yes"},
            "bpx: wsgi:both needs 1 address: -b for futures",
        ),
        (
            ["wsgi:margin"],
            {},
            "bpx: there is no wsgi:margin; choose wsgi:spot, wsgi:futures, wsgi:both",
        ),
        (
            ["wsgi:futures"],
            {"BPX_FEAT_ENABLE_METRICS": "yes", "BPX_FEAT_METRICS_PORT": "8091",
             "BPX_SERVER_PORT_FUTURES": "8091", "BPX_SERVER_PORT_SPOT": "8090"},
            "bpx: --features.metrics-port and --server.port-futures are both 8091; "
            "they must differ",
        ),
        (
            ["wsgi:spot"],
            {"BPX_LOG_OUTPUT": "/proc/nowhere"},
            "bpx: --logging.output (BPX_LOG_OUTPUT) cannot be written: [Errno 2] "
            "No such file or directory: '/proc/nowhere'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_stops_the_start_with_one_line_and_code_2(
    args: list[str], env: dict[str, str], line: str
) -> None:
    ended = start(args, env)
    assert (ended.returncode, ended.stderr) == (2, f"{line}\n")


def test_an_operators_port_that_is_taken_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = start(
            ["tests.server.example:app", "-b", f"127.0.0.1:{free_port()}"],
            {"BPX_FEAT_METRICS_PORT": str(port)},
        )
    assert ended.returncode != 0
    assert f"cannot open the operators' port {port}" in ended.stdout


def test_the_master_loads_nothing_that_uses_sockets() -> None:
    """A TLS module loaded before gevent patches breaks every HTTPS call of the worker."""
    code = (
        "import runpy, sys; sys.argv = ['gunicorn', 'wsgi:spot'];"
        "runpy.run_path('gunicorn.conf.py'); import bpx.server.worker;"
        "loaded = {'requests', 'urllib3', 'flask', 'websocket', 'prometheus_client', 'bpx.app'};"
        "sys.exit(str(loaded & set(sys.modules)) if loaded & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=bare_environment(), check=True)
