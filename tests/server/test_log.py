import json
import os
import signal
from pathlib import Path

from tests.proxy import running_proxy
from tests.server.conftest import EXAMPLE
from tests.server.raw import exchange
from tests.waiting import eventually


def test_every_line_of_the_server_is_json_if_asked_for() -> None:
    for env in ({"BPX_LOG_FORMAT": "json"}, {"BPX_LOG_ENABLE_STRUCTURED": "true"}):
        with running_proxy(EXAMPLE, env=env) as proxy:
            lines = [json.loads(line) for line in proxy.log().splitlines()]
        assert "Booting worker" in str(lines)


def test_below_its_level_the_server_is_silent() -> None:
    with running_proxy(EXAMPLE, env={"BPX_LOG_LEVEL": "error"}) as proxy:
        assert proxy.log() == ""


def test_the_log_may_be_a_file_that_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "bpx.log"
    with running_proxy(EXAMPLE, env={"BPX_LOG_OUTPUT": str(path)}) as proxy:
        assert proxy.log() == ""
        path.rename(tmp_path / "bpx.log.1")
        os.kill(proxy.pid, signal.SIGHUP)
        eventually(lambda: path.exists() and "Booting worker" in path.read_text(), within_s=10)


def test_an_access_log_has_no_query() -> None:
    args = ["--access-logfile", "-"]
    with running_proxy(EXAMPLE, args=args) as proxy:
        exchange(proxy, b"GET /x?signature=canary HTTP/1.1\r\nConnection: close\r\n\r\n")
        eventually(lambda: "GET /x?***" in proxy.log())
        assert "canary" not in proxy.log()
