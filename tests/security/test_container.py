"""Row G20: without root, capabilities and a root that can be written, as in a container."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.faults.stage import NOWHERE
from tests.proxy import ROOT, bare_environment, free_port, wait_for_server

UID = 1000
# Everything is mounted anew, to be read alone, but for what a container has of its own.
SHUT = """
set -e
mount --make-rprivate /
mount -o remount,bind,ro /
exec setpriv --reuid={uid} --regid={uid} --clear-groups --bounding-set=-all --inh-caps=-all \\
  --no-new-privs "$@"
"""


def python_for_all() -> tuple[list[str], dict[str, str]]:
    """Return a Python that any user may run, with our packages; skip without one."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    for command in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        real = Path(command).resolve()
        if real.exists() and all(one.stat().st_mode & 0o005 for one in [real, *real.parents]):
            return [command], {"PYTHONPATH": f"{ROOT}:{packages}"}
    pytest.skip("no Python here may be run by others")


@pytest.fixture
def contained(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can shut a process in")
    python, env = python_for_all()
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("there are no mount namespaces here")
    port, log = free_port(), tmp_path / "log"
    env |= {
        "HOME": "/nonexistent",
        "BPX_SERVER_PORT_SPOT": str(port),
        "BPX_UPSTREAM_SPOT_REST": f"http://{NOWHERE}",
        "BPX_UPSTREAM_SPOT_WS": f"ws://{NOWHERE}",
    }
    command = ["unshare", "--mount", "sh", "-c", SHUT.format(uid=UID), "sh", *python,
               "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:spot"]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=bare_environment() | env, stdout=output, stderr=output
        )
    try:
        wait_for_server(port, process, log)
        yield process, port, log
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_g20_it_starts_serves_and_stops_where_it_may_write_nothing(contained) -> None:
    process, port, log = contained
    status = Path(f"/proc/{process.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(facts["Uid"].split()) == {str(UID)}
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    answer = requests.get(f"http://127.0.0.1:{port}/api/v3/time", timeout=20)
    assert answer.status_code == 503  # there is no exchange
    opened = [os.readlink(one) for one in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert not [name for name in opened if name.endswith(".ctl")]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    said = log.read_text()
    assert "Read-only" not in said
    assert "Traceback" not in said
    assert "ERROR" not in said
    with pytest.raises(OSError):  # noqa: PT011 - it listens no more
        socket.create_connection(("127.0.0.1", port), timeout=1)
