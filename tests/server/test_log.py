import gzip
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, time

import pytest
from gunicorn.config import Config

import bpx
from bpx.server.log import GunicornLog
from tests.proxy import Proxy, running_proxy
from tests.server.conftest import EXAMPLE
from tests.server.raw import exchange
from tests.waiting import eventually


def test_every_line_of_the_server_is_json_if_asked_for() -> None:
    with running_proxy(EXAMPLE, env={"BPX_LOG_FORMAT": "json"}) as proxy:
        eventually(lambda: "Booting worker" in proxy.log())
        lines = [json.loads(line) for line in proxy.log().splitlines()]
    assert "Booting worker" in str(lines)


def test_lines_end_with_their_fields_if_asked_for() -> None:
    for is_asked in ("true", "false"):
        with running_proxy(EXAMPLE, env={"BPX_LOG_ENABLE_STRUCTURED": is_asked}) as proxy:
            say(proxy, "info", 1)
            eventually(lambda proxy=proxy: "and so on" in proxy.log())
            assert ("market=spot weight=2\n" in proxy.log()) is (is_asked == "true")


def test_below_its_level_the_server_is_silent() -> None:
    with running_proxy(EXAMPLE, env={"BPX_LOG_LEVEL": "error"}) as proxy:
        assert proxy.log() == ""


def test_the_log_may_be_a_file_that_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "bpx.log"
    with running_proxy(EXAMPLE, env={"BPX_LOG_OUTPUT": str(path)}) as proxy:
        assert proxy.log() == ""
        eventually(lambda: path.exists() and "Booting worker" in path.read_text())
        path.rename(tmp_path / "bpx.log.1")
        os.kill(proxy.pid, signal.SIGHUP)
        eventually(lambda: path.exists() and "Booting worker" in path.read_text(), within_s=20)


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
        eventually(lambda: f"spot on {proxy.url} for " in proxy.log())
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
            if is_told:
                eventually(lambda proxy=proxy: "Current configuration" in proxy.log())
                eventually(lambda proxy=proxy: "DEBUG gunicorn" in proxy.log())
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


# Files


def end_of(path: Path) -> bytes:
    """Return the end of a file; nothing at the moment at which it is put aside."""
    with suppress(FileNotFoundError):
        return path.read_bytes()[-200:]
    return b""


def test_a_full_log_is_put_aside(tmp_path: Path) -> None:
    env = {
        "BPX_LOG_MAX_SIZE_MB": "1",
        "BPX_LOG_MAX_BACKUPS": "2",
        "BPX_LOG_ENABLE_SAMPLING": "false",
    }
    for is_compressed, name in (("true", "log.2.gz"), ("false", "log.2")):
        path = tmp_path / is_compressed / "log"
        path.parent.mkdir()
        with logging_to(path, env | {"BPX_LOG_COMPRESS": is_compressed}) as proxy:
            for count in range(1_000, 1_020):  # each has a last line of its own
                say(proxy, "info", count)
                last = b" %d and so on" % (count - 1)
                eventually(lambda path=path, last=last: last in end_of(path))
        files = {one.name: one for one in path.parent.iterdir()}
        assert sorted(files) == ["log", "log.1", name]
        assert 900_000 < files["log.1"].stat().st_size <= 2**20
        raw = files[name].read_bytes()
        assert 900_000 < len(gzip.decompress(raw) if name.endswith("gz") else raw) <= 2**20


def test_log_files_that_are_old_or_too_many_are_deleted(tmp_path: Path) -> None:
    beside, folder, day_s = tmp_path / "beside", tmp_path / "folder", 86_400
    beside.mkdir()
    folder.mkdir()

    def put(number: int, days: float, size: int = 10) -> None:
        file = beside / f"log.{number}"  # it comes whole, and as old as it is to be
        file.write_bytes(b"x" * size)
        os.utime(file, (time() - days * day_s,) * 2)
        file.rename(folder / file.name)

    env = {
        "BPX_LOG_MAX_AGE_DAYS": "2",
        "BPX_LOG_MAX_DISK_MB": "3",
        "BPX_LOG_CLEANUP_INTERVAL": "200ms",
    }
    put(1, days=1.9)
    put(2, days=2.1)
    with logging_to(folder / "log", env):
        eventually(lambda: sorted(os.listdir(folder)) == ["log", "log.1"])
        put(4, days=1)
        put(3, days=1, size=2 * 2**20)
        put(2, days=0, size=2 * 2**20)  # the first that is too much
        eventually(lambda: sorted(os.listdir(folder)) == ["log", "log.1", "log.2"])


# Floods


def test_debug_messages_that_are_too_many_are_left_out_and_counted(tmp_path: Path) -> None:
    limits = {"BPX_LOG_RATE_LIMIT": "1", "BPX_LOG_BURST_LIMIT": "70"}
    env = {"BPX_LOG_LEVEL": "debug", "BPX_LOG_ENABLE_SAMPLING": "false"} | limits
    for is_limited in ("true", "false"):
        path = tmp_path / is_limited
        with logging_to(path, env | {"BPX_LOG_ENABLE_RATE_LIMIT": is_limited}) as proxy:
            say(proxy, "debug", 500)
            say(proxy, "info", 100)
        text = path.read_text()
        debug = text.count("DEBUG tests")
        assert 50 <= debug <= 90 if is_limited == "true" else debug == 500
        assert text.count("INFO tests") == 100
        assert ("lines left out, as there were too many: 4" in text) is (is_limited == "true")


def test_what_is_said_again_and_again_is_sampled_if_asked_for(tmp_path: Path) -> None:
    # Of 500 lines, 20 and every twentieth; and once more if ten seconds are over meanwhile.
    for is_sampled, least, most in (("true", 20 + 24, 2 * 20 + 24), ("false", 500, 500)):
        path = tmp_path / is_sampled
        with logging_to(path, {"BPX_LOG_ENABLE_SAMPLING": is_sampled}) as proxy:
            say(proxy, "info", 500)
            say(proxy, "error", 500)
        assert least <= path.read_text().count("INFO tests") <= most
        assert path.read_text().count("ERROR tests") == 500


# Faults: F7 and what is like it


def test_a_full_disk_stops_no_request_is_told_once_and_may_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    with logging_to(path, {}) as proxy:
        for _ in range(5):
            say(proxy, "error", 100)
        eventually(lambda: "lines could not be written" in proxy.log())
        path.unlink()
        say(proxy, "error", 1)
        eventually(lambda: path.exists() and "ERROR tests" in path.read_text())
        complaints = [line for line in proxy.log().splitlines() if "could not be written" in line]
        assert all("No space left on device" in line for line in complaints)
        assert 1 <= len(complaints) <= 2, "one of the master, one of the worker"


def test_a_directory_that_goes_stops_no_request_and_may_come_back(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    with logging_to(path, {}) as proxy:
        eventually(lambda: path.exists())
        shutil.rmtree(path.parent)
        say(proxy, "error", 100)
        eventually(lambda: "No such file or directory" in proxy.log())
        path.parent.mkdir()
        say(proxy, "error", 1)
        eventually(lambda: path.exists() and "ERROR tests" in path.read_text())


def test_a_pipe_that_nobody_reads_stops_no_request(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with logging_to(path, {"BPX_LOG_ENABLE_SAMPLING": "false"}) as proxy:
            for _ in range(20):  # several times what the pipe and the queue take
                say(proxy, "info", 1_000)
            began = monotonic()
            exchange(proxy, b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert monotonic() - began < 15
    finally:
        os.close(reader)


# What the tests share


@contextmanager
def logging_to(path: Path, env: dict[str, str]) -> Iterator[Proxy]:
    with running_proxy(EXAMPLE, env=env | {"BPX_LOG_OUTPUT": str(path)}) as proxy:
        yield proxy


def say(proxy: Proxy, level: str, count: int) -> None:
    """Have the server log that many lines."""
    request = b"GET /log?%s&%d HTTP/1.1\r\nConnection: close\r\n\r\n" % (level.encode(), count)
    assert exchange(proxy, request).startswith(b"HTTP/1.1 200")
