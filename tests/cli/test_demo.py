import sys
from pathlib import Path

import pytest

from bpx.cli import smoke
from tests.proxy import free_port, running, wait_for_server


def test_every_endpoint_of_the_demo_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spot, futures, log = free_port(), free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "bpx", "demo", "-p", str(spot), "-t", str(futures)]
    with running(command, {}, log) as process:
        wait_for_server(spot, process, log)
        wait_for_server(futures, process, log)
        where = {"SPOT": f"http://127.0.0.1:{spot}", "FUTURES": f"http://127.0.0.1:{futures}"}
        code = smoke.main(environ=where)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines[:-1] if not line.startswith("ok ")] == []
    assert code == 0
    assert lines[-1] == f"{len(smoke.CHECKS)} of {len(smoke.CHECKS)} endpoints are well"
