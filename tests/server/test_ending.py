import errno
import socket
from collections.abc import Iterator
from threading import Thread
from time import monotonic

import pytest

from bpx.server.ending import linger, reset, shut

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's end of a connection, and the client's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname(), timeout=20) as client,
        listener.accept()[0] as server,
    ):
        yield server, client


def test_a_reset_is_no_end(pair: Pair) -> None:
    server, client = pair
    server.sendall(b"half")
    reset(server)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET


def test_who_has_gone_already_is_no_error(pair: Pair) -> None:
    server, _ = pair
    server.close()
    reset(server)
    shut(server, socket.SHUT_RD)
    linger(server)


def test_the_last_answer_arrives_though_the_client_still_sends(pair: Pair) -> None:
    server, client = pair
    client.sendall(b"x" * 100_000)
    server.sendall(b"refused")
    ending = Thread(target=linger, args=(server,))
    ending.start()
    assert client.recv(100) == b"refused"
    assert client.recv(100) == b""
    client.close()
    ending.join(20)
    assert not ending.is_alive()


def test_a_client_that_never_leaves_is_not_waited_for_long(pair: Pair) -> None:
    server, _ = pair
    began = monotonic()
    linger(server, longest_s=0.05)
    assert 0.05 <= monotonic() - began < 10
