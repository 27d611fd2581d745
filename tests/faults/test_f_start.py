"""F14: what cannot work does not start, and says why in one line; a dead exchange is no reason."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
import requests

from tests.faults.figures import figure
from tests.faults.life import is_refused
from tests.faults.scale import full_or
from tests.proxy import ROOT, bare_environment, free_port, running_proxy

NOWHERE = "http://127.0.0.1:1"
AT_NOTHING = {
    "BPX_UPSTREAM_SPOT_REST": NOWHERE,
    "BPX_UPSTREAM_SPOT_WS": "ws://127.0.0.1:1",
    "BPX_UPSTREAM_FUTURES_REST": NOWHERE,
    "BPX_UPSTREAM_FUTURES_WS": "ws://127.0.0.1:1",
}
STARTS = {
    "gunicorn": ["-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:both"],
    "bpx": ["-m", "bpx"],
}


@contextmanager
def taken() -> Iterator[int]:
    """Yield a port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def refused(start: Sequence[str], env: Mapping[str, str]) -> str:
    """Start what must not start; return the line that says why."""
    spot = str(free_port())
    ports = {"BPX_SERVER_PORT_SPOT": spot, "BPX_SERVER_PORT_FUTURES": str(free_port())}
    began = monotonic()
    ended = subprocess.run(
        [sys.executable, *start], cwd=ROOT, env=bare_environment() | AT_NOTHING | ports | dict(env),
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    took_s = monotonic() - began
    figure("F14", refused_after_s=took_s)
    assert took_s <= full_or(5, 20)  # in the short form other tests run, too
    assert ended.returncode == 2
    assert ended.stdout == "", "never half-started, and one line is all"
    (line,) = ended.stderr.splitlines()
    assert line.startswith("bpx: ")
    return line


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_f14_a_port_that_is_taken(start: Sequence[str]) -> None:
    with taken() as port:
        line = refused(start, {"BPX_SERVER_PORT_FUTURES": str(port)})
    assert line == (
        "bpx: --server.host, --server.port-futures: "
        f"cannot listen on 127.0.0.1:{port}: Address already in use"
    )


def test_f14_an_address_of_gunicorns_flag_that_is_taken() -> None:
    with taken() as port:
        address = f"127.0.0.1:{port}"
        line = refused([*STARTS["gunicorn"], "-b", f"127.0.0.1:{free_port()}", "-b", address], {})
    assert line == f"bpx: -b: cannot listen on {address}: Address already in use"


def test_f14_an_operators_port_that_is_taken() -> None:
    with taken() as port:
        line = refused(STARTS["gunicorn"], {"BPX_FEAT_ENABLE_METRICS": "true",
                       "BPX_FEAT_METRICS_PORT": str(port)})  # fmt: skip
    assert line == (
        f"bpx: --features.metrics-port: cannot listen on 127.0.0.1:{port}: Address already in use"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "300.1.1.1"])
def test_f14_a_host_that_is_not_here(host: str) -> None:
    line = refused(STARTS["gunicorn"], {"BPX_SERVER_HOST": host})
    assert line.startswith(f"bpx: --server.host, --server.port-spot: cannot listen on {host}:")


def test_f14_a_bad_value() -> None:
    line = refused(STARTS["gunicorn"], {"BPX_SERVER_READ_TIMEOUT": "soon"})
    assert "BPX_SERVER_READ_TIMEOUT" in line


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("text", [None, "server.port-sopt = 8090", "server.read-timeout = soon"])
def test_f14_a_bad_config_file(tmp_path: Path, start: Sequence[str], text: str | None) -> None:
    file = tmp_path / "bpx.conf"
    if text is not None:
        file.write_text(f"{text}\n")
    refused(start, {"BPX_CONFIG": str(file)})


def test_f14_with_a_dead_exchange_it_is_up_and_not_ready() -> None:
    with running_proxy("both", AT_NOTHING) as proxy:
        pages = {
            page: requests.get(proxy.operators_url + page, timeout=20)
            for page in ("/live", "/ready", "/health")
        }
        assert [page.status_code for page in pages.values()] == [200, 503, 200]
        assert pages["/ready"].json() == {
            "status": "not ready",
            "reasons": {
                "spot": ["REST: has not answered yet"],
                "futures": ["REST: has not answered yet"],
            },
        }
        answer = requests.get(proxy.url + "/api/v3/time", timeout=20)
        assert (answer.status_code, answer.json()["code"]) == (503, -1001)
    assert is_refused(proxy.url)
