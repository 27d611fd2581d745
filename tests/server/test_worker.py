import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.request import urlopen

from tests.proxy import Proxy, free_port, running, running_proxy
from tests.server.conftest import EXAMPLE
from tests.server.orders import told_to_stop
from tests.server.raw import connected, exchange, read_to_end
from tests.waiting import eventually


def body_of(url: str) -> bytes:
    with urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def test_idle_connections_do_not_delay_the_stop() -> None:
    with running_proxy(EXAMPLE) as proxy, connected(proxy) as client:
        client.sendall(b"GET /one HTTP/1.1\r\n\r\n")
        assert client.recv(65536).endswith(b"/one")
        begun = monotonic()
        os.kill(proxy.pid, signal.SIGTERM)
        assert client.recv(65536) == b""
        assert monotonic() - begun < 15


def test_a_request_under_way_is_finished_before_the_stop(tmp_path: Path) -> None:
    mark = tmp_path / "under way"
    with ThreadPoolExecutor() as threads:
        with running_proxy(EXAMPLE) as proxy:
            slow = threads.submit(body_of, f"{proxy.url}/slow?{str(mark).replace(' ', '%20')}")
            eventually(lambda: slow.done() or bool(list(tmp_path.iterdir())))
        assert slow.result() == b"done"


def test_an_answer_after_the_stop_was_ordered_says_that_the_connection_ends(tmp_path: Path) -> None:
    with running_proxy(EXAMPLE) as proxy, connected(proxy) as client:
        client.sendall(b"GET /held?%b HTTP/1.1\r\n\r\n" % bytes(tmp_path / "mark"))
        eventually((tmp_path / "mark").exists)
        with told_to_stop(proxy):
            (tmp_path / "mark").unlink()
        assert b"\r\nConnection: close\r\n" in client.recv(65536)


def test_a_request_that_outlasts_the_shutdown_timeout_is_cut(tmp_path: Path) -> None:
    with running_proxy(EXAMPLE, env={"BPX_SERVER_SHUTDOWN_TIMEOUT": "100ms"}) as proxy:
        with connected(proxy) as client:
            client.sendall(b"GET /held?%b HTTP/1.1\r\n\r\n" % bytes(tmp_path / "mark"))
            eventually((tmp_path / "mark").exists)
            os.kill(proxy.pid, signal.SIGTERM)
            with suppress(ConnectionResetError):
                assert client.recv(65536) == b""
        eventually(lambda: "stopped with 1 requests unfinished" in proxy.log())


def test_after_sighup_a_new_worker_serves_both_ports() -> None:
    with running_proxy(EXAMPLE) as proxy:
        os.kill(proxy.pid, signal.SIGHUP)
        eventually(lambda: proxy.log().count("operators' port: ") == 2, within_s=20)
        eventually(lambda: proxy.log().count("Worker exiting") == 1, within_s=20)
        assert body_of(f"{proxy.url}/one") == b"/one"
        assert body_of(proxy.operators_url) == b"operators"


def test_the_host_header_does_not_choose_the_application(impatient: Proxy) -> None:
    operators = impatient.operators_url.removeprefix("http://").encode()
    with connected(impatient) as client:
        client.sendall(b"GET /one HTTP/1.1\r\nHost: %b\r\n\r\n" % operators)
        assert client.recv(65536).endswith(b"/one")


def test_two_paths_and_a_port_of_the_operators_number_have_each_their_application(
    tmp_path: Path,
) -> None:
    """What tells them apart is where they are, which a path says without a port."""
    port = free_port()
    env = {"BPX_FEAT_ENABLE_METRICS": "1", "BPX_FEAT_METRICS_PORT": str(port)}
    binds = [f"unix:{tmp_path}/one", f"unix:{tmp_path}/two", f"127.0.0.2:{port}"]
    flags = [flag for bind in binds for flag in ("-b", bind)]
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", *flags]
    with running([*command, "tests.server.example:three"], env, tmp_path / "log"):
        eventually(lambda: is_open(port), within_s=20)
        assert said_at(str(tmp_path / "one")) == b"one"
        assert said_at(str(tmp_path / "two")) == b"two"
        assert body_of(f"http://127.0.0.2:{port}/") == b"three"
        assert body_of(f"http://127.0.0.1:{port}/") == b"operators"


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def said_at(path: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path)
        client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        return read_to_end(client).rpartition(b"\r\n\r\n")[2]


def test_the_operators_port_is_not_open_to_other_hosts(impatient: Proxy) -> None:
    port = int(impatient.operators_url.rpartition(":")[2])
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", port))  # free: the server has taken 127.0.0.1 only


def test_a_stop_right_after_the_start_is_not_lost(tmp_path: Path) -> None:
    """The worker is told to stop while it still starts: at every moment of it, more or less."""
    for number in range(3):
        log = tmp_path / str(number)
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", EXAMPLE]
        bind = ["-b", f"127.0.0.1:{free_port()}"]
        with running([*command, *bind], {}, log):
            eventually(lambda log=log: "Booting worker" in log.read_text(), within_s=20)


def test_an_empty_line_behind_a_body_begins_no_request(impatient: Proxy) -> None:
    request = b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\n\r\nx\r\n"
    answers = exchange(impatient, request)
    assert answers.count(b"HTTP/1.1") == 1, "an idle connection ends without a word"
    assert exchange(impatient, request + request).count(b"HTTP/1.1 200") == 2
