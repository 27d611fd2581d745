"""How a worker answers to signals, and what it still does before it ends."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.proxy import Proxy, running_proxy
from tests.server.conftest import EXAMPLE
from tests.server.orders import standing_still, told_to_stop, worker_of
from tests.server.raw import connected, read_to_end
from tests.waiting import eventually


@pytest.fixture
def server() -> Iterator[Proxy]:
    with running_proxy(EXAMPLE) as proxy:
        yield proxy


def begin_slow(client: socket.socket, mark: Path) -> None:
    """Ask for what takes a second, and wait until it is under way."""
    client.sendall(b"GET /slow?%b HTTP/1.1\r\n\r\n" % bytes(mark))
    eventually(mark.exists)


def begin_held(client: socket.socket, mark: Path) -> None:
    """Ask for what takes until the mark is taken away, and wait until it is under way."""
    client.sendall(b"GET /held?%b HTTP/1.1\r\n\r\n" % bytes(mark))
    eventually(mark.exists)


def test_who_waits_at_the_port_when_we_stop_is_still_served(server: Proxy, tmp_path: Path) -> None:
    """The system has let them in: nobody else will ever answer them."""
    with connected(server) as busy:
        busy.sendall(b"GET /pause?%b HTTP/1.1\r\n\r\n" % bytes(tmp_path / "mark"))
        eventually((tmp_path / "mark").exists)
        with connected(server) as one, connected(server) as two:  # while nothing else runs
            for client in (one, two):
                client.sendall(b"GET /one HTTP/1.1\r\n\r\n")
            os.kill(server.pid, signal.SIGTERM)
            for client in (one, two):
                assert read_to_end(client).endswith(b"/one")


def test_an_idle_client_may_ask_once_more_while_we_stop(server: Proxy, tmp_path: Path) -> None:
    with connected(server) as busy, connected(server) as idle:
        idle.sendall(b"GET /one HTTP/1.1\r\n\r\n")
        assert b"keep-alive" in idle.recv(65536)
        begin_held(busy, tmp_path / "mark")
        with told_to_stop(server):
            idle.sendall(b"GET /two HTTP/1.1\r\n\r\n")
        answer = read_to_end(idle)
        assert b"Connection: close" in answer
        assert answer.endswith(b"/two")
        (tmp_path / "mark").unlink()
        assert read_to_end(busy).endswith(b"done")


def accepts(server: Proxy) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(server.address) == 0


def test_operators_are_answered_until_the_end(server: Proxy, tmp_path: Path) -> None:
    with connected(server) as busy:
        begin_held(busy, tmp_path / "mark")
        os.kill(server.pid, signal.SIGTERM)
        eventually(lambda: not accepts(server))
        assert requests.get(server.operators_url, timeout=10).text == "operators"
        (tmp_path / "mark").unlink()
        assert read_to_end(busy).endswith(b"done")


def test_an_operators_port_that_somebody_takes_is_told_and_opened_when_it_is_free() -> None:
    with running_proxy(EXAMPLE) as server:
        eventually(lambda: server.log().count("operators' port: ") == 1)
        with taken_from_worker(server):
            eventually(lambda: "cannot open the operators' port" in server.log(), within_s=20)
            assert requests.get(f"{server.url}/one", timeout=10).text == "/one"
        eventually(lambda: server.log().count("operators' port: ") == 2)
        assert requests.get(server.operators_url, timeout=10).text == "operators"
        assert server.log().count("cannot open the operators' port") == 1


@contextmanager
def taken_from_worker(server: Proxy) -> Iterator[None]:
    """Kill the worker, and have its operators' port before the next one does."""
    host, port = server.operators_url.removeprefix("http://").split(":")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def has_it() -> bool:
            with suppress(OSError):
                other.bind((host, int(port)))
                return True
            return False

        with standing_still(server.pid):  # there is no next one yet
            os.kill(worker_of(server), signal.SIGKILL)
            eventually(has_it)
            other.listen()
        yield


def test_a_quit_does_not_wait(tmp_path: Path) -> None:
    with running_proxy(EXAMPLE) as server, connected(server) as busy:
        begin_held(busy, tmp_path / "mark")
        os.kill(server.pid, signal.SIGQUIT)
        eventually(lambda: "stopped at once, 1 requests unfinished" in server.log())
        assert busy.recv(100) == b""


@pytest.mark.parametrize("booted", [1, 2])
def test_a_stop_right_behind_a_reload_leaves_nobody_waiting(tmp_path: Path, booted: int) -> None:
    """Whether the new worker is not there yet or is just starting: nobody waits for it."""
    with running_proxy(EXAMPLE) as server, connected(server) as busy:
        begin_slow(busy, tmp_path / "mark")
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: server.log().count("Booting worker") >= booted)
        os.kill(server.pid, signal.SIGTERM)
        assert read_to_end(busy).endswith(b"done")
        eventually(lambda: "Shutting down: Master" in server.log(), within_s=8)


def test_a_worker_takes_orders_from_its_master_only(server: Proxy) -> None:
    worker = worker_of(server)
    os.kill(worker, signal.SIGINT)
    for _ in range(3):
        assert requests.get(f"{server.url}/one", timeout=10).text == "/one"
    assert worker_of(server) == worker


def test_a_stuck_worker_tells_where_it_was_stuck() -> None:
    with running_proxy(EXAMPLE, args=["-t", "4"]) as server:
        with suppress(requests.RequestException):
            requests.get(f"{server.url}/busy", timeout=15)
        eventually(lambda: "bpx: the worker was stuck in " in server.log(), within_s=20)
        assert "tests/server/example.py:" in server.log()
        assert requests.get(f"{server.url}/one", timeout=10).text == "/one"


def test_a_new_worker_that_cannot_start_ends_the_server_and_not_the_requests(
    tmp_path: Path,
) -> None:
    """Nobody waits for a successor that has died."""
    application = tmp_path / "broken_soon.py"
    application.write_text("from tests.server.example import app\n")
    with pytest.raises(AssertionError, match="ended with code"):
        with_broken_successor(application)


def with_broken_successor(application: Path) -> Any:
    """Run a server whose application is broken when it is loaded the second time."""
    flags = ["--pythonpath", str(application.parent)]
    with running_proxy("broken_soon:app", args=flags) as server, connected(server) as busy:
        begin_slow(busy, application.parent / "mark")
        application.write_text("raise RuntimeError\n")
        os.kill(server.pid, signal.SIGHUP)
        assert read_to_end(busy).endswith(b"done")
        eventually(lambda: "Shutting down: Master" in server.log(), within_s=8)
