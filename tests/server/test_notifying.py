"""What systemd hears: on its own kind of socket, from the real processes."""

import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from bpx.server.notifying import Notifying
from tests.proxy import Proxy, running_proxy
from tests.server.conftest import EXAMPLE
from tests.waiting import eventually

_CREDENTIALS = struct.Struct("3i")  # of who has sent it: process, user, group


class Manager:
    """The socket of a service manager."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(address.replace("@", "\0", 1))
        self._heard: list[tuple[int, dict[str, str]]] = []

    def heard(self, name: str = "") -> list[tuple[int, dict[str, str]]]:
        """Return who has said what so far; of it what has `name`, if there is one."""
        flags = socket.MSG_DONTWAIT
        try:
            while True:
                text, ancillary, _, _ = self._socket.recvmsg(4096, 256, flags)
                facts = dict(line.split("=", 1) for line in text.decode().split("\n"))
                self._heard.append((_CREDENTIALS.unpack(ancillary[0][2])[0], facts))
        except BlockingIOError:
            return [one for one in self._heard if name in one[1] or not name]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    is_path = request.param == "path"
    made = Manager(str(tmp_path / "notify") if is_path else f"@bpx/{os.getpid()}/notify")
    yield made
    made.close()


def workers(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def watched(manager: Manager) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000000"}


def test_the_worker_says_that_it_serves_and_lives_and_the_master_that_it_stops(
    manager: Manager,
) -> None:
    with running_proxy(EXAMPLE, env=watched(manager)) as proxy:
        (worker,) = workers(proxy.pid)
        eventually(lambda: len(manager.heard("WATCHDOG")) >= 2, within_s=20)
        assert {sender for sender, _ in manager.heard()} == {worker}
        assert manager.heard()[0] == (
            worker, {"READY": "1", "MAINPID": str(proxy.pid), "STATUS": "serving"}
        )  # fmt: skip
        assert len(manager.heard("READY")) == 1
    ((sender, facts),) = manager.heard("STOPPING")
    assert sender == proxy.pid
    assert float(facts["EXTEND_TIMEOUT_USEC"]) / 1e6 == 30 + 5 + 5
    assert len(manager.heard("READY")) == 1


def test_a_worker_that_is_stuck_gives_no_sign_of_life(manager: Manager) -> None:
    with running_proxy(EXAMPLE, env=watched(manager)) as proxy:
        (worker,) = workers(proxy.pid)
        eventually(lambda: bool(manager.heard("WATCHDOG")), within_s=20)
        os.kill(worker, signal.SIGSTOP)
        try:
            count = len(manager.heard("WATCHDOG"))
            until = monotonic() + 2.5
            eventually(lambda: monotonic() > until)
            assert len(manager.heard("WATCHDOG")) <= count + 1  # one may have been on its way
        finally:
            os.kill(worker, signal.SIGCONT)
        eventually(lambda: len(manager.heard("WATCHDOG")) > count + 1, within_s=20)


def reload(proxy: Proxy, manager: Manager) -> dict[str, str]:
    """Have the options read anew; return what is said when all is ready again."""
    before = len(manager.heard("READY"))
    os.kill(proxy.pid, signal.SIGHUP)
    eventually(lambda: len(manager.heard("READY")) > before, within_s=30)
    return manager.heard("READY")[-1][1]


def test_a_reload_lasts_from_the_master_s_word_to_the_new_worker_s(
    manager: Manager, tmp_path: Path
) -> None:
    file = tmp_path / "conf"
    file.write_text("")
    began_us = monotonic() * 1e6
    with running_proxy(EXAMPLE, env=watched(manager) | {"BPX_CONFIG": str(file)}) as proxy:
        (old,) = workers(proxy.pid)
        assert reload(proxy, manager)["MAINPID"] == str(proxy.pid)
        ((sender, facts),) = manager.heard("RELOADING")
        assert sender == proxy.pid
        assert began_us < int(facts["MONOTONIC_USEC"]) < monotonic() * 1e6
        assert manager.heard("READY")[-1][0] not in (old, proxy.pid)
        eventually(lambda: old not in workers(proxy.pid), within_s=25)
        file.write_text("logging.level = loud\n")
        assert reload(proxy, manager)["STATUS"].startswith("serving; the last reload was refused")
        assert len(manager.heard("RELOADING")) == 2
        assert not manager.heard("STOPPING")


def test_nobody_is_told_who_does_not_ask(manager: Manager) -> None:
    with running_proxy(EXAMPLE, env={"NOTIFY_SOCKET": manager.address}):
        eventually(lambda: len(manager.heard()) == 1)
    assert [next(iter(facts)) for _, facts in manager.heard()] == ["READY", "STOPPING"]


def test_a_manager_that_has_gone_or_reads_nothing_is_no_trouble(tmp_path: Path) -> None:
    for address in (str(tmp_path / "gone"), "", "relative", "@"):
        environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"}
        notifying = Notifying()
        notifying.begin(environ)
        assert "NOTIFY_SOCKET" not in environ
        notifying.ready()
    full = Manager(str(tmp_path / "full"))
    notifying = Notifying()
    notifying.begin({"NOTIFY_SOCKET": full.address, "WATCHDOG_USEC": "1"})
    for second in range(3000):  # more than a socket holds
        notifying.alive(float(second))
    assert full.heard("WATCHDOG")
    full.close()


def test_a_sign_of_life_is_given_once_a_second() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("")  # the system chooses
        notifying, address = Notifying(), heard.getsockname().decode().replace("\0", "@", 1)
        notifying.begin({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
        for now in (0.0, 0.5, 0.9, 1.0, 1.5, 2.0):
            notifying.alive(now)
        heard.setblocking(False)
        assert [heard.recv(64) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        with pytest.raises(BlockingIOError):
            heard.recv(64)
