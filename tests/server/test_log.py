import json
import os
import signal
from pathlib import Path

import pytest
from gunicorn.config import Config

import bpx
from bpx.server.log import GunicornLog
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


def test_it_says_what_has_started_where_and_in_front_of_whom(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("upstream.spot-rest = http://127.0.0.1:9\n")
    with running_proxy(EXAMPLE, env={"BPX_CONFIG": str(file)}) as proxy:
        log = proxy.log()
        assert f"bpx {bpx.__version__} with gunicorn " in log
        assert f"process {proxy.pid}, config file {file}\n" in log
        assert f"spot on {proxy.url} for http://127.0.0.1:9\n" in log
        assert "Listening at" not in log


def test_debug_messages_are_of_bpx_and_traces_of_gunicorn_too() -> None:
    ended = {"debug": False, "trace": True}
    for level, is_told in ended.items():
        with running_proxy(EXAMPLE, env={"BPX_LOG_LEVEL": level}) as proxy:
            exchange(proxy, b"NOREQUEST\r\n\r\n")
            eventually(lambda proxy=proxy: "DEBUG bpx.server.worker: refused" in proxy.log())
            assert ("Current configuration" in proxy.log()) is is_told
            assert ("DEBUG gunicorn" in proxy.log()) is is_told


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_says_by_which_signal_it_ends(tmp_path: Path, told: signal.Signals) -> None:
    path = tmp_path / "bpx.log"
    with running_proxy(EXAMPLE, env={"BPX_LOG_OUTPUT": str(path)}) as proxy:
        os.kill(proxy.pid, told)
        eventually(lambda: f"told to end by {told.name}" in path.read_text())
    assert "Handling signal: term" not in path.read_text()


@pytest.mark.usefixtures("restored_logging")
def test_a_worker_that_was_killed_as_it_was_stuck_is_not_taken_to_be_out_of_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = GunicornLog(Config())
    log.critical("WORKER TIMEOUT (pid:%s)", 7)
    for pid in (7, 8):
        log.error("Worker (pid:%s) was sent %s! Perhaps out of memory?", pid, "SIGKILL")
    assert caplog.messages[1:] == [
        "Worker (pid:7) was sent SIGKILL, as it was stuck.",
        "Worker (pid:8) was sent SIGKILL! Perhaps out of memory?",
    ]
