import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bpx.logs import TRACE
from bpx.server.reloading import Reloading
from tests.proxy import free_port, running, running_proxy, wait_for_server
from tests.server.conftest import EXAMPLE
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("restored_logging")


def test_a_start_with_a_bad_option_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        Reloading().settings("spot", [], {"BPX_SERVER_READ_TIMEOUT": "soon"})
    assert capsys.readouterr().err.startswith("bpx: ")


def test_a_reload_with_a_bad_option_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("server.shutdown-timeout = 5s\n")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    made = reloading.settings("spot", [], environ)
    assert (made["graceful_timeout"], environ["BPX_SERVER_SHUTDOWN_TIMEOUT"]) == (10, "5.0")
    before = dict(environ)
    file.write_text("server.shutdown-timeout = soon\n")
    assert reloading.settings("spot", [], environ) is made
    assert environ == before
    file.write_text("server.shutdown-timeout = 6s\n")
    assert reloading.settings("spot", [], environ)["graceful_timeout"] == 11


def test_workers_are_told_by_their_environment_and_read_no_file(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("server.read-timeout = 5s\n")
    environ = {"BPX_CONFIG": str(file), "BPX_PORT_SPOT": "7000", "PATH": "/bin"}
    Reloading().settings("spot", ["--server.idle-timeout=6s"], environ)
    assert "BPX_CONFIG" not in environ
    assert environ["BPX_SERVER_READ_TIMEOUT"] == "5.0"
    assert environ["BPX_SERVER_IDLE_TIMEOUT"] == "6.0"
    assert environ["BPX_SERVER_PORT_SPOT"] == "7000"
    assert environ["PATH"] == "/bin"


def test_what_the_file_says_no_more_does_not_stay(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("features.metrics-port = 9000\n")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    reloading.settings("spot", [], environ)
    assert environ["BPX_FEAT_METRICS_PORT"] == "9000"
    file.write_text("")
    reloading.settings("spot", [], environ)
    assert "BPX_FEAT_METRICS_PORT" not in environ


def test_a_reload_that_is_refused_does_not_change_the_log(tmp_path: Path) -> None:
    file, port = tmp_path / "conf", free_port()
    file.write_text(f"server.port-spot = {port}\n")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    made = reloading.settings("spot", [], environ)
    level, handlers = logging.getLogger().level, list(logging.getLogger().handlers)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        file.write_text(f"server.port-spot = {taken}\nlogging.level = trace\n")
        assert reloading.settings("spot", [], environ) is made
    assert (logging.getLogger().level, logging.getLogger().handlers) == (level, handlers)
    file.write_text(f"server.port-spot = {port}\nlogging.level = trace\n")
    assert reloading.settings("spot", [], environ) is not made
    assert logging.getLogger().level == TRACE


@pytest.mark.parametrize(("before", "after"), [("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1")])
def test_another_host_on_the_port_that_is_ours_is_reloaded(
    tmp_path: Path, before: str, after: str
) -> None:
    with socket.create_server((before, 0)) as ours:
        file, port = tmp_path / "conf", ours.getsockname()[1]
        file.write_text(f"server.port-spot = {port}\nserver.host = {before}\n")
        environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
        reloading.settings("spot", [], environ)
        file.write_text(f"server.port-spot = {port}\nserver.host = {after}\n")
        assert reloading.settings("spot", [], environ)["bind"] == [f"{after}:{port}"]


def test_a_port_that_cannot_be_had_is_not_reloaded() -> None:
    environ, reloading = {"BPX_SERVER_PORT_SPOT": str(free_port())}, Reloading()
    made = reloading.settings("spot", [], environ)
    again = Reloading()
    again._given, again._made = {"BPX_SERVER_HOST": "192.0.2.1"}, made
    assert again.settings("spot", [], environ) is made


# A whole server


@dataclass
class Configured:
    """A server with a config file."""

    pid: int
    log_path: Path
    file: Path

    def reload(self, text: str) -> None:
        """Change the file, and tell the server."""
        self.file.write_text(text)
        os.kill(self.pid, signal.SIGHUP)

    def log(self) -> str:
        return self.log_path.read_text()


@contextmanager
def by_gunicorn(file: Path) -> Iterator[Configured]:
    with running_proxy(EXAMPLE, env={"BPX_CONFIG": str(file)}) as proxy:
        yield Configured(proxy.pid, proxy.log_path, file)


@contextmanager
def by_bpx(file: Path) -> Iterator[Configured]:
    port, log = free_port(), file.parent / "log"
    nowhere = {
        "BPX_UPSTREAM_SPOT_REST": "http://127.0.0.1:9",
        "BPX_UPSTREAM_SPOT_WS": "ws://[::1]:9",
    }
    flags = ["-m", "bpx", "-f", "-p", str(port), f"--config={file}"]
    with running([sys.executable, *flags], nowhere, log) as process:
        wait_for_server(port, process, log)
        yield Configured(process.pid, log, file)


@pytest.mark.parametrize("started", [by_gunicorn, by_bpx])
def test_sighup_reads_the_file_anew_and_refuses_what_is_bad(
    started: object, tmp_path: Path
) -> None:
    file = tmp_path / "conf"
    file.write_text("logging.format = text\n")
    with started(file) as server:  # type: ignore[operator]
        server.reload("logging.format = rhyme\n")
        eventually(lambda: "nothing is reloaded: " in server.log(), within_s=10)
        eventually(lambda: server.log().count("Worker exiting") == 1, within_s=15)
        server.reload("logging.format = json\n")
        eventually(lambda: server.log().count("Worker exiting") == 2, within_s=15)
        assert any(line.startswith('{"time"') for line in server.log().splitlines())
