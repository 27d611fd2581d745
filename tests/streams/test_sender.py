"""What we send: masked, whole, and not for ever."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import pytest

from bpx.errors import Loss, StreamLost
from bpx.streams.frames import Opcode
from bpx.streams.sender import Sender
from tests.faults.frame_server import PING, TEXT, Peer
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

Pair = tuple[socket.socket, Peer]
LARGE = b"x" * (4 << 20)  # more than sockets buffer


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    with ours, theirs:
        yield ours, Peer(theirs, b"", threading.Event())


@pytest.mark.parametrize("size", [0, 125, 126, 65_536])
def test_frames_are_masked_and_whole(pair: Pair, size: int):
    ours, peer = pair
    Sender(ours, ThreadRuntime()).send(b"ab" * (size // 2), Opcode.TEXT, 1.0)
    assert peer.receive() == (TEXT, b"ab" * (size // 2))


def test_a_peer_that_takes_nothing_is_lost_in_time(pair: Pair):
    sender = Sender(pair[0], ThreadRuntime())
    began = monotonic()
    with pytest.raises(StreamLost, match="takes nothing") as lost:
        sender.send(LARGE, Opcode.TEXT, 0.2)
    assert 0.2 <= monotonic() - began < 10.0
    assert lost.value.loss is Loss.LOST


def test_a_peer_that_takes_a_little_now_and_then_is_lost_in_time(pair: Pair):
    ours, peer = pair
    over = threading.Event()

    def sip() -> None:
        while not over.wait(0.02):
            peer.link.recv(1000)

    reader = threading.Thread(target=sip)
    reader.start()
    began = monotonic()
    try:
        with pytest.raises(StreamLost):
            Sender(ours, ThreadRuntime()).send(LARGE, Opcode.TEXT, 0.3)
        assert 0.3 <= monotonic() - began < 15.0  # to read it all would take more than a minute
    finally:
        over.set()
        ours.close()
        reader.join()


def test_a_peer_that_is_slow_for_a_moment_gets_everything(pair: Pair):
    ours, peer = pair
    heard: list[tuple[int, bytes]] = []
    reader = threading.Timer(0.2, lambda: heard.append(peer.receive()))
    reader.start()
    Sender(ours, ThreadRuntime()).send(LARGE, Opcode.TEXT, 30.0)
    reader.join()
    assert heard == [(TEXT, LARGE)]


def test_whoever_waits_for_another_frame_to_be_sent_does_not_wait_for_ever(pair: Pair):
    ours, peer = pair
    sender = Sender(ours, ThreadRuntime())

    def stuck() -> None:
        with suppress(StreamLost):
            sender.send(LARGE, Opcode.TEXT, 30.0)

    thread = threading.Thread(target=stuck)
    thread.start()
    try:
        eventually(lambda: len(peer.link.recv(1, socket.MSG_PEEK)) == 1)
        began = monotonic()
        with pytest.raises(StreamLost):
            sender.send(b"", Opcode.PING, 0.1)
        assert monotonic() - began < 15.0
    finally:
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(20)
    assert not thread.is_alive()


def test_frames_of_several_tasks_do_not_mix(pair: Pair):
    ours, peer = pair
    sender = Sender(ours, ThreadRuntime())
    content = b"y" * 300_000
    tasks = [
        threading.Thread(target=sender.send, args=(content, opcode, 30.0))
        for opcode in (Opcode.TEXT, Opcode.PING, Opcode.TEXT)
    ]
    for task in tasks:
        task.start()
    heard = [peer.receive() for _ in tasks]
    for task in tasks:
        task.join(20)
    assert sorted(heard) == [(TEXT, content), (TEXT, content), (PING, content)]


def test_a_connection_that_is_gone_is_lost(pair: Pair):
    ours, peer = pair
    peer.link.close()
    sender = Sender(ours, ThreadRuntime())
    with pytest.raises(StreamLost) as lost:
        sender.send(b"", Opcode.PING, 1.0)
    ours.close()
    with pytest.raises(StreamLost):
        sender.send(b"", Opcode.PING, 1.0)
    assert lost.value.loss is Loss.LOST
