import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.server.start import check_address, do_meet
from tests.proxy import ROOT, bare_environment, free_port


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (("127.0.0.1", 8092), ("127.0.0.1", 8092), True),
        (("localhost", 8092), ("127.0.0.1", 8092), True),
        (("0.0.0.0", 8092), ("127.0.0.1", 8092), True),
        (("", 8092), ("127.0.0.1", 8092), True),
        (("::", 8092), ("127.0.0.1", 8092), True),
        (("127.0.0.1", 8091), ("127.0.0.1", 8092), False),
        (("127.0.0.2", 8092), ("127.0.0.1", 8092), False),
        (("::1", 8092), ("0.0.0.0", 8092), False),
        (("127.0.0.1", 0), ("127.0.0.1", 0), False),
        ("/run/spot", "/run/spot", True),
        ("/run/spot", "/run/futures", False),
        ("/run/spot", ("127.0.0.1", 8092), False),
        (7, 7, False),
    ],
)
def test_addresses_meet_if_only_one_of_them_can_be_had(
    one: object, other: object, meet: bool
) -> None:
    assert do_meet(one, other) is do_meet(other, one) is meet


def test_a_free_address_is_fine() -> None:
    check_address(("127.0.0.1", free_port()))


def test_a_socket_that_is_there_already_is_not_looked_at() -> None:
    check_address(7)


def test_an_address_that_somebody_else_has_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BadOption, match=f"127.0.0.1:{port}: Address already in use"):
            check_address(("127.0.0.1", port))


def test_an_address_whose_connections_have_only_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address) as client:
            server.accept()[0].close()  # first: its port has to wait now
            assert client.recv(1) == b""
    check_address(address)


def test_a_path_where_nobody_may_write_is_told(tmp_path: Path) -> None:
    check_address(str(tmp_path / "socket"))
    with pytest.raises(BadOption, match="is not writable"):
        check_address("/no/such/directory/socket")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ["-k", "sync", "wsgi:spot"],
            "bpx: -k accepts bpx.server.worker.Worker, not 'sync': no other waits for clients, "
            "and drains, as the options say",
        ),
        (
            ["-b", "127.0.0.1:0", "-b", "127.0.0.1:0", "-b", "127.0.0.1:0", "wsgi:both"],
            "bpx: wsgi:both needs 2 addresses: -b for spot, then -b for futures",
        ),
        (
            ["-b", "127.0.0.1:PORT", "-b", "127.0.0.1:PORT", "wsgi:both"],
            "bpx: -b: two addresses are one: 127.0.0.1:PORT",
        ),
        (
            ["-b", "unix:/dev/shm/bpx", "-b", "unix:/dev/shm/bpx", "wsgi:both"],
            "bpx: -b: two addresses are one: unix:/dev/shm/bpx",
        ),
        (
            ["-b", "0.0.0.0:PORT", "wsgi:spot"],
            "bpx: --features.metrics-port: cannot listen on 127.0.0.1:PORT: a market is to have it",
        ),
    ],
)
def test_flags_of_gunicorn_that_cannot_work_stop_the_start(args: Sequence[str], line: str) -> None:
    port = str(free_port())
    operators = {"BPX_FEAT_ENABLE_METRICS": "true", "BPX_FEAT_METRICS_PORT": port}
    args, line = [arg.replace("PORT", port) for arg in args], line.replace("PORT", port)
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", *args],
        cwd=ROOT, env=bare_environment() | operators, capture_output=True, text=True, timeout=50,
        check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (2, f"{line}\n")
