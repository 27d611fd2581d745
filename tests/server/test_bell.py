"""A bell wakes who waits for it, and nobody else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from bpx.server.bell import Bell

WITHIN_S = 20


class Counting(Bell):
    """A bell that counts how often it rings."""

    __slots__ = ("rings",)

    def ring(self) -> None:
        self.rings += 1
        super().ring()


def until(condition: Callable[[], bool]) -> None:
    """Let others run until it holds; fail if it does not in time."""
    with gevent.Timeout(WITHIN_S):
        while not condition():
            gevent.sleep(0.001)


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_it_wakes_as_often_as_there_is_something_to_read() -> None:
    heard = []

    def listen() -> None:
        bell = Bell(ours._read_event)
        while heard[-1:] != [b"z"]:
            bell.wait()
            heard.append(ours.recv(1))
        bell.hang_up()

    with connected() as (ours, theirs):
        listening = gevent.spawn(listen)
        for letter in (b"a", b"b", b"z"):
            theirs.sendall(letter)
            until(lambda: heard[-1:] == [letter])  # noqa: B023
        listening.get(timeout=WITHIN_S)
        assert heard == [b"a", b"b", b"z"]


def test_whoever_waits_for_something_else_is_not_woken() -> None:
    turned, bells = Event(), dict[int, Counting]()

    def listen() -> str:
        bell = bells[0] = Counting(ours._read_event)
        bell.rings = 0
        bell.wait()  # what has come is left there: it rings and rings
        found = turned.wait(WITHIN_S)
        bell.hang_up()
        return f"turned {found}"

    with connected() as (ours, theirs):
        listening = gevent.spawn(listen)
        theirs.sendall(b"a")
        until(lambda: listening.ready() or (0 in bells and bells[0].rings > 3))
        assert not listening.ready()
        turned.set()
        assert listening.get(timeout=WITHIN_S) == "turned True"


def test_once_it_is_hung_up_others_may_wait() -> None:
    with connected() as (ours, theirs):
        bell = Bell(ours._read_event)
        theirs.sendall(b"a")
        bell.wait()
        bell.hang_up()
        assert ours.recv(1) == b"a"
        reading = gevent.spawn(ours.recv, 1)
        until(lambda: ours._read_event.active)
        theirs.sendall(b"b")
        assert reading.get(timeout=WITHIN_S) == b"b"
        theirs.sendall(b"c")
        bell.wait()  # and it may be waited for again
        bell.hang_up()


def test_whoever_waits_is_told_when_the_socket_is_closed() -> None:
    with connected() as (ours, _):
        listening = gevent.spawn(lambda: Bell(ours._read_event).wait())
        until(lambda: ours._read_event.active)
        ours.close()
        with pytest.raises(OSError, match="closed"):
            listening.get(timeout=WITHIN_S)


def test_whoever_waits_can_be_ended() -> None:
    with connected() as (ours, _):
        ended = []

        def listen() -> None:
            bell = Bell(ours._read_event)
            try:
                bell.wait()
            finally:
                bell.hang_up()
                ended.append(True)

        listening = gevent.spawn(listen)
        until(lambda: ours._read_event.active)
        listening.kill(timeout=WITHIN_S)
        assert ended == [True]
        assert not ours._read_event.active
