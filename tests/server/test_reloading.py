import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bpx.logs import TRACE
from bpx.server.reloading import Reloading
from tests.proxy import free_port, running, running_proxy, wait_for_server
from tests.server.conftest import EXAMPLE
from tests.waiting import eventually

NOWHERE = {
    "BPX_UPSTREAM_SPOT_REST": "http://127.0.0.1:9",
    "BPX_UPSTREAM_SPOT_WS": "ws://[::1]:9",
    "BPX_UPSTREAM_FUTURES_REST": "http://127.0.0.1:9",
    "BPX_UPSTREAM_FUTURES_WS": "ws://[::1]:9",
}

pytestmark = pytest.mark.usefixtures("restored_logging")


def test_a_start_with_a_bad_option_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        Reloading().settings("spot", [], {"BPX_SERVER_READ_TIMEOUT": "soon"})
    assert capsys.readouterr().err.startswith("bpx: ")


def reloaded(reloading: Reloading, environ: dict[str, str]) -> dict[str, Any]:
    """Return what gunicorn is told by a reload."""
    assert reloading.can_reload()
    return reloading.settings("spot", [], environ)


def test_a_reload_with_a_bad_option_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("server.shutdown-timeout = 5s\n")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    made = reloading.settings("spot", [], environ)
    assert (made["graceful_timeout"], environ["BPX_SERVER_SHUTDOWN_TIMEOUT"]) == (10, "5.0")
    before = dict(environ)
    file.write_text("server.shutdown-timeout = soon\n")
    assert not reloading.can_reload()
    assert reloading.settings("spot", [], environ) is made
    assert environ == before
    file.write_text("server.shutdown-timeout = 6s\n")
    assert reloaded(reloading, environ)["graceful_timeout"] == 11


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("# café\n".encode("latin-1"), "the config file is not in UTF-8"),
        (b"logging.output = a\0b\n", "cannot be written"),
        (b"server.shutdown-timeout = %s\n" % (b"9" * 400), "accepts a time"),
    ],
)
def test_whatever_the_file_holds_a_reload_says_why_not_and_a_start_ends_with_code_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    content: bytes,
    reason: str,
) -> None:
    file, reloading = tmp_path / "conf", Reloading()
    file.write_text("")
    environ = {"BPX_CONFIG": str(file)}
    made = reloading.settings("spot", [], environ)
    file.write_bytes(content)
    assert not reloading.can_reload()
    assert reason in caplog.text
    assert "Traceback" not in caplog.text
    assert reloading.settings("spot", [], environ) is made
    with pytest.raises(SystemExit, match="2"):
        Reloading().settings("spot", [], {"BPX_CONFIG": str(file)})
    assert reason in capsys.readouterr().err


def test_a_reload_that_meets_a_bug_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Flags(list[str]):
        is_broken = False

        def __iter__(self) -> Iterator[str]:
            if self.is_broken:
                raise RuntimeError("a bug")
            return super().__iter__()

    reloading, flags = Reloading(), Flags()
    made = reloading.settings("spot", flags, {})
    flags.is_broken = True
    assert not reloading.can_reload()
    assert "RuntimeError: a bug" in caplog.text
    assert reloading.settings("spot", flags, {}) is made


def test_what_is_reloaded_is_what_was_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    reloading.settings("spot", [], environ)
    file.write_text("server.shutdown-timeout = 6s\n")
    assert reloading.can_reload()
    file.write_text("server.shutdown-timeout = soon\n")
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
    file.write_text("server.read-timeout = 9s\n")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    reloading.settings("spot", [], environ)
    assert environ["BPX_SERVER_READ_TIMEOUT"] == "9.0"
    file.write_text("")
    reloaded(reloading, environ)
    assert environ["BPX_SERVER_READ_TIMEOUT"] == "30.0"


def test_a_reload_that_is_refused_does_not_change_the_log(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    reloading.settings("spot", [], environ)
    level, handlers = logging.getLogger().level, list(logging.getLogger().handlers)
    file.write_text("server.port-spot = 9000\nlogging.level = trace\n")
    assert not reloading.can_reload()
    assert (logging.getLogger().level, logging.getLogger().handlers) == (level, handlers)
    file.write_text("logging.level = trace\n")
    assert reloading.can_reload()
    assert logging.getLogger().level == TRACE


def test_older_names_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    Reloading().settings(None, ["-p", "9000"], {"BPX_VERBOSE": "1"})
    assert caplog.messages == [
        "-p is deprecated: use --server.port-spot",
        "BPX_VERBOSE is deprecated: use BPX_LOG_LEVEL",
    ]


METRICS = "features.enable-metrics = true"


@pytest.mark.parametrize(
    ("application", "before", "after", "refused"),
    [
        ("spot", "", "server.port-spot = 9000", "server.port-spot cannot change from 8090 to 9000"),
        ("both", "", "server.port-futures = 9000",
         "server.port-futures cannot change from 8091 to 9000"),
        ("spot", "", "server.host = 0.0.0.0",
         "server.host cannot change from 127.0.0.1 to 0.0.0.0"),
        ("both", "", "disable-futures = true", "disable-futures cannot change from false to true"),
        (None, "", "disable-spot = true", "disable-spot cannot change from false to true"),
        (None, "disable-spot = true", "", "disable-spot cannot change from true to false"),
        ("spot", "", METRICS, "features.enable-metrics cannot change from false to true"),
        ("spot", METRICS, f"{METRICS}\nfeatures.metrics-port = 9000",
         "features.metrics-port cannot change from 8092 to 9000"),
        ("futures", METRICS, "", "features.enable-metrics cannot change from true to false"),
    ],
)  # fmt: skip
def test_a_reload_never_has_the_server_listen_elsewhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, application: str | None, before: str,
    after: str, refused: str,
) -> None:  # fmt: skip
    file = tmp_path / "conf"
    file.write_text(before)
    reloading = Reloading()
    reloading.settings(application, [], {"BPX_CONFIG": str(file)})
    file.write_text(after)
    assert not reloading.can_reload()
    assert caplog.messages == [f"nothing is reloaded: --{refused} without a restart"]
    file.write_text(before)
    assert reloading.can_reload()


@pytest.mark.parametrize(
    "text", ["server.port-futures = 9000", "features.metrics-port = 9000", "disable-futures = true"]
)
def test_what_has_no_effect_on_where_is_listened_does_not_keep_a_reload(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "conf"
    file.write_text("")
    environ, reloading = {"BPX_CONFIG": str(file)}, Reloading()
    reloading.settings("spot", [], environ)
    file.write_text(text)
    assert reloaded(reloading, environ)["bind"] == ["127.0.0.1:8090"]


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
    flags = ["-m", "bpx", "-f", "-p", str(port), f"--config={file}"]
    with running([sys.executable, *flags], NOWHERE, log) as process:
        wait_for_server(port, process, log)
        yield Configured(process.pid, log, file)


@pytest.mark.parametrize("started", [by_gunicorn, by_bpx])
def test_sighup_reads_the_file_anew_and_keeps_the_worker_if_it_is_bad(
    started: object, tmp_path: Path
) -> None:
    file = tmp_path / "conf"
    file.write_text("logging.format = text\n")
    with started(file) as server:  # type: ignore[operator]
        server.reload("logging.format = rhyme\n")
        eventually(lambda: "nothing is reloaded: " in server.log(), within_s=20)
        server.reload("logging.format = text\nserver.host = 0.0.0.0\n")
        eventually(lambda: server.log().count("nothing is reloaded: ") == 2, within_s=20)
        server.reload("logging.format = json\n")
        eventually(lambda: server.log().count("Worker exiting") == 1, within_s=25)
        assert server.log().count("Booting worker") == 2
        assert any(line.startswith('{"time"') for line in server.log().splitlines())


def test_sighup_with_another_address_leaves_all_ports_as_they_are(tmp_path: Path) -> None:
    spot, futures, other = ports = [free_port() for _ in range(3)]
    assert len(set(ports)) == 3
    file, log = tmp_path / "conf", tmp_path / "log"
    file.write_text(f"server.port-spot = {spot}\nserver.port-futures = {futures}\n")
    with running([sys.executable, "-m", "bpx", f"--config={file}"], NOWHERE, log) as process:
        for port in (spot, futures):
            wait_for_server(port, process, log)
        server = Configured(process.pid, log, file)
        server.reload(f"server.port-spot = {other}\nserver.port-futures = {futures}\n")
        eventually(lambda: "nothing is reloaded: --server.port-spot" in server.log(), within_s=20)
        for port in (spot, futures):
            wait_for_server(port, process, log)
        assert "Worker exiting" not in server.log()
