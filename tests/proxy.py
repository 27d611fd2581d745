"""The real server as a process of its own: gunicorn, its gevent worker, our settings."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, lockf
from itertools import count
from pathlib import Path
from random import randrange

from bpx.settings.reading import unknown_variables
from tests.canaries import secrets_in
from tests.waiting import eventually

ROOT = Path(__file__).parent.parent
SECONDS_TO_START = 40.0
SECONDS_TO_STOP = 40.0
TRACEBACK, UNFINISHED = TROUBLE = ("Traceback", "tasks unfinished")
BACKLOG = 2048  # connections that may wait to be accepted, as gunicorn's own sockets have it
TELLING = ("/status",)  # is looked at for secrets at each end, as the log is
# With `make test LANE=off` no server has a fast lane, but where a test is about it.
LANE = {} if os.environ.get("BPX_TEST_LANE", "on") == "on" else {"BPX_SERVER_FAST_LANE": "false"}
OF_TESTS = "BPX_TEST_"  # how variables begin that are none of bpx, but of a test's
_OUR_PORTS = range(10_000, 32_000)  # below those that the system gives to whoever asks for any
_numbers = count(randrange(len(_OUR_PORTS)))
# Of this file each process of the tests holds the bytes whose numbers are its ports.
_TAKEN = os.open(f"{tempfile.gettempdir()}/bpx-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


@dataclass
class Proxy:
    """A server that is running.

    Args:
        urls: one for each market that it serves.
        operators_url: of the operators' port.
        pid: of gunicorn's master.
    """

    urls: list[str]
    operators_url: str
    pid: int
    log_path: Path

    @property
    def url(self) -> str:
        """The first market's."""
        return self.urls[0]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first market."""
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def page(self, path: str) -> str:
        """Return what a page of the operators' says; nothing if it does not answer."""
        try:
            with urllib.request.urlopen(self.operators_url + path, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def log(self) -> str:
        """Everything it has printed so far."""
        return self.log_path.read_text()


@contextmanager
def running_proxy(
    app: str = "spot",
    env: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    may_log: Collection[str] = (),
) -> Iterator[Proxy]:
    """Run `gunicorn -c gunicorn.conf.py wsgi:<app>` on free ports; it must end with code 0.

    Args:
        app: `spot`, `futures`, `both`, or the `module:name` of another application.
        env: variables on top of the bare minimum; nothing of the caller's BPX_ is inherited.
        args: more of gunicorn's command line.
        may_log: what of `TROUBLE` is no wonder in this test. Nothing else of it may be logged.
    """
    assert not [name for name in unknown_variables(env or {}) if not name.startswith(OF_TESTS)]
    with ExitStack() as stack:
        markets = 2 if app == "both" else 1
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", free_port()), backlog=BACKLOG))
            for _ in range(markets)
        ]
        ports = [listener.getsockname()[1] for listener in listeners]
        operators_port = free_port()  # now that it can be none of those
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        log_path = Path(directory) / "log"
        stack.enter_context(without_trouble(log_path, may_log))
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
        for listener in listeners:
            command += ["-b", f"fd://{listener.fileno()}"]
        process = stack.enter_context(
            running(
                [*command, *args, app if ":" in app else f"wsgi:{app}"],
                env={
                    "BPX_FEAT_ENABLE_METRICS": "true",
                    "BPX_FEAT_METRICS_PORT": str(operators_port),
                    **LANE,
                    **(env or {}),
                },
                log_path=log_path,
                pass_fds=[listener.fileno() for listener in listeners],
            )
        )
        for listener in listeners:
            listener.close()  # the server has it now, and alone
        for port in ports:
            wait_for_server(port, process, log_path)
        proxy = Proxy(
            urls=[f"http://127.0.0.1:{port}" for port in ports],
            operators_url=f"http://127.0.0.1:{operators_port}",
            pid=process.pid,
            log_path=log_path,
        )
        yield proxy
        told = "\n".join(map(proxy.page, TELLING))
        assert (found := secrets_in(told)) == [], found


@contextmanager
def without_trouble(log_path: Path, may_log: Collection[str] = ()) -> Iterator[None]:
    """Look for trouble in the log of a server that ends here, if the test went well."""
    yield
    log = log_path.read_text()
    assert (secrets := secrets_in(log)) == [], secrets
    found = [words for words in TROUBLE if words in log and words not in may_log]
    assert not found, f"its log has {found}:\n{log}"


@contextmanager
def running(
    command: Sequence[str],
    env: Mapping[str, str],
    log_path: Path,
    pass_fds: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of this repository; told to stop, it must end with code 0."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=bare_environment() | dict(env), stdout=log, stderr=log,
            pass_fds=list(pass_fds), start_new_session=True,
        )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        code = process.wait(SECONDS_TO_STOP)
        assert code == 0, f"it ended with code {code}:\n{log_path.read_text()}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def bare_environment() -> dict[str, str]:
    """Return the caller's environment without any option of bpx."""
    return {name: text for name, text in os.environ.items() if not name.startswith("BPX_")}


def free_port() -> int:
    """Return a port that nobody has, nor is given as long as this process lasts.

    The system gives others, and so do the other processes of the tests. It is only looked at: a
    process that is just being started would have a socket that listens for a moment longer.
    """
    while True:
        port = _OUR_PORTS[next(_numbers) % len(_OUR_PORTS)]
        with suppress(OSError), socket.socket() as looking:
            lockf(_TAKEN, LOCK_EX | LOCK_NB, 1, port)
            looking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            looking.bind(("127.0.0.1", port))
            return port


def wait_for_server(
    port: int, process: subprocess.Popen[bytes], log_path: Path, host: str = "127.0.0.1"
) -> None:
    """Wait until a server answers on `port`, without asking it for anything upstream."""

    def answers() -> bool:
        assert process.poll() is None, f"it did not start:\n{log_path.read_text()}"
        try:
            with socket.create_connection((host, port), timeout=1) as client:
                client.sendall(b"NOREQUEST\r\n\r\n")
                return client.recv(12) == b"HTTP/1.1 400"
        except OSError:
            return False

    eventually(answers, SECONDS_TO_START)
