import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bpx.cli.knocking import knock
from bpx.settings import load
from bpx.simulator.tls import make_certificate
from tests.proxy import ROOT, bare_environment, free_port, running, wait_for_server
from tests.waiting import eventually

NOWHERE = {
    f"BPX_UPSTREAM_{market}_{kind}": f"{scheme}://127.0.0.1:9"
    for market in ("SPOT", "FUTURES")
    for kind, scheme in (("REST", "http"), ("WS", "ws"))
}


def bpx(*args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bpx", *args], cwd=ROOT, env=bare_environment() | env,
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def test_health_asks_the_markets_where_metrics_are_off(tmp_path: Path) -> None:
    env = NOWHERE | {
        "BPX_SERVER_HOST": "0.0.0.0",
        "BPX_SERVER_PORT_SPOT": str(free_port()),
        "BPX_SERVER_PORT_FUTURES": str(free_port()),
        "BPX_LOG_LEVEL": "debug",
    }
    assert bpx("health", env=env).returncode == 1
    log = tmp_path / "log"
    with running([sys.executable, "-m", "bpx"], env, log) as process:
        for name in ("BPX_SERVER_PORT_SPOT", "BPX_SERVER_PORT_FUTURES"):
            wait_for_server(int(env[name]), process, log)
        eventually(lambda: bpx("health", "--ready", env=env).returncode == 0, within_s=30)
        done = bpx("health", "--json", "--ready", env=env)
        assert set(json.loads(done.stdout)["markets"]) == {"spot", "futures"}
        alone = env | {"BPX_DISABLE_FUTURES": "true"}
        assert set(json.loads(bpx("health", "--json", env=alone).stdout)["markets"]) == {"spot"}
    assert "OPTIONS other -> 400 from proxy" in log.read_text()


def test_a_market_of_two_that_is_silent_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told = knock(load(["-f", "-p", str(port)], {}))
    assert told["status"] == "not ready"
    assert told["markets"]["spot"]["reasons"] == [f"port {port}: Connection refused"]


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-\r\n"])
def test_somebody_else_on_the_port_is_no_market(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        port = listener.getsockname()[1]
        client = subprocess.Popen(
            [sys.executable, "-c", "import sys; from bpx.cli.knocking import why_silent;"
             "from bpx.settings import load; sys.exit(why_silent(load([], {}), int(sys.argv[1])))",
             str(port)],
            cwd=ROOT, stderr=subprocess.PIPE,
        )  # fmt: skip
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(said)
        assert client.communicate(timeout=30)[1].startswith(b"port ")


@pytest.mark.parametrize("wants_certificates", [False, True])
def test_a_port_that_speaks_tls_is_asked_by_tls(tmp_path: Path, wants_certificates: bool) -> None:
    made, log = make_certificate(tmp_path), tmp_path / "log"
    env = NOWHERE | {
        "BPX_DISABLE_FUTURES": "true",
        "BPX_SERVER_PORT_SPOT": str(free_port()),
        "BPX_TLS_CERT_FILE": str(made.ca_file),
        "BPX_TLS_KEY_FILE": str(made.key_file),
    }
    if wants_certificates:
        env["BPX_TLS_CLIENT_CA_FILE"] = str(made.ca_file)
    with running([sys.executable, "-m", "bpx"], env, log):
        eventually(lambda: "Booting worker" in log.read_text(), within_s=20)
        eventually(lambda: bpx("health", env=env).returncode == 0, within_s=30)
    assert bpx("health", env=env).returncode == 1
