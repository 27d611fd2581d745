"""An open WebSocket: what it receives, what it answers, and when it is given up."""

import socket
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

import pytest

from bpx.errors import Loss, StreamLost
from bpx.house import _wire
from bpx.settings import load
from bpx.simulator.simulator import Simulator
from bpx.simulator.tls import make_certificate
from bpx.streams.frames import Frames, Opcode
from bpx.streams.wire import BUSY_S, GATHER_S, MESSAGE_WITHIN_S, Socket, Wire, opened
from tests.faults.frame_server import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameServer,
    Peer,
    agreeing,
    closing,
    frame,
    welcome,
)
from tests.runtime import ThreadRuntime
from tests.simulator.tiny_venue import TinyVenue
from tests.streams.moved import MovedTime
from tests.waiting import eventually

BEST = "btcusdt@bookTicker"
PLAIN = Wire(handshake_timeout_s=10.0)


class Restless(ThreadRuntime):
    """Time that passes only when a test says so.

    It notes for how long it is to sleep; meanwhile what `meanwhile` does happens.
    """

    def __init__(self) -> None:
        super().__init__()
        self.time = 100.0
        self.slept: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()


class Counting:
    """A socket that notes how many bytes it is asked for."""

    def __init__(self, link: socket.socket) -> None:
        self.asked: list[int] = []
        self.link = link

    def recv(self, size: int) -> bytes:
        self.asked.append(size)
        return self.link.recv(size)

    def gettimeout(self) -> float | None:
        return self.link.gettimeout()

    def fileno(self) -> int:
        return self.link.fileno()


@pytest.fixture
def pair() -> Iterator[tuple[Socket, Peer, MovedTime]]:
    """Both ends of a connection, and the clock of ours."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    theirs.settimeout(20)
    clock = MovedTime()
    with ours, theirs:
        yield Socket(ours, Frames(), 4096, clock), Peer(theirs, b"", threading.Event()), clock


@contextmanager
def open_to(url: str, wire: Wire = PLAIN, timeout_s: float = 10.0) -> Iterator[Socket]:
    """Open a socket, and see to it that it ends."""
    one = opened(url, wire, ThreadRuntime(), timeout_s)
    try:
        yield one
    finally:
        one.hang_up()


@contextmanager
def served(
    talk: Callable[[Peer], None],
    shake: Callable[[bytes], bytes] = welcome,
) -> Iterator[Socket]:
    """Open a socket to a server that talks so."""
    with FrameServer(talk, shake) as server, open_to(server.url) as one:
        yield one


# Receiving


def test_messages_pings_and_pongs_come_in_order(pair):
    ours, peer, _ = pair
    peer.send(frame(b"a") + frame(b"1", PING) + frame(b"2", PONG) + frame(b"b", fin=False))
    peer.send(frame(b"3", PING) + frame(b"c", CONTINUATION))
    heard = [ours.receive() for _ in range(5)]
    assert heard == [(TEXT, b"a"), (PING, b"1"), (PONG, b"2"), (PING, b"3"), (TEXT, b"bc")]
    assert [peer.receive(), peer.receive()] == [(PONG, b"1"), (PONG, b"3")]


@pytest.fixture
def restless() -> Iterator[tuple[Socket, Peer, Restless]]:
    """Both ends of a connection, and who sleeps at ours."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    clock = Restless()
    with ours, theirs:
        yield Socket(ours, Frames(), 4096, clock), Peer(theirs, b"", threading.Event()), clock


def test_on_a_quiet_connection_every_message_is_read_as_it_comes(restless):
    ours, peer, clock = restless
    for _ in range(3):
        clock.time += 2 * BUSY_S
        peer.send(frame(b"a"))
        assert ours.receive() == (TEXT, b"a")
    assert clock.slept == []


def test_on_a_busy_connection_messages_are_left_to_come_together(restless):
    ours, peer, clock = restless
    clock.meanwhile = lambda: peer.send(frame(b"b") + frame(b"c"))
    for _ in range(2):
        peer.send(frame(b"a"))
        assert ours.receive() == (TEXT, b"a")
    assert [ours.receive(), ours.receive()] == [(TEXT, b"b"), (TEXT, b"c")]
    assert clock.slept == [GATHER_S]


def test_what_is_there_already_is_read_without_a_pause(restless):
    ours, peer, clock = restless
    peer.send(frame(b"x" * 1000) * 40)
    assert [ours.receive() for _ in range(40)] == [(TEXT, b"x" * 1000)] * 40
    assert clock.slept == []


def test_a_tls_record_is_read_to_its_end_without_a_pause(tmp_path):
    certificate = make_certificate(tmp_path)
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as peer:
        server = peer.submit(certificate.server_context().wrap_socket, theirs, server_side=True)
        trust = ssl.create_default_context(cafile=str(certificate.ca_file))
        with trust.wrap_socket(ours, server_hostname="localhost") as client, server.result() as far:
            clock = Restless()
            one = Socket(client, Frames(), 1000, clock)
            far.sendall(frame(b"x" * 500) * 30)  # one record is of up to 16 KB
            assert [one.receive() for _ in range(30)] == [(TEXT, b"x" * 500)] * 30
            assert clock.slept == []


def test_a_connection_that_is_quiet_again_is_busy_no_more(restless):
    ours, peer, clock = restless

    def nothing() -> None:
        clock.time += 2 * BUSY_S
        peer.send(frame(b"late"))

    clock.meanwhile = nothing
    for _ in range(2):
        peer.send(frame(b"a"))
        ours.receive()
    assert ours.receive() == (TEXT, b"late")
    peer.send(frame(b"later"))
    clock.time += 2 * BUSY_S
    assert ours.receive() == (TEXT, b"later")
    assert clock.slept == [GATHER_S]


def test_many_messages_are_read_at_once(pair):
    ours, theirs = socket.socketpair()
    ours.settimeout(1.0)
    with ours, theirs:
        counting = Counting(ours)
        one = Socket(counting, Frames(), 4096, ThreadRuntime())  # type: ignore[arg-type]
        theirs.sendall(frame(b"message") * 100)
        assert {one.receive() for _ in range(100)} == {(Opcode.TEXT, b"message")}
        assert counting.asked == [4096]


@pytest.mark.parametrize("size", [256, 4096, 65_536])
def test_as_many_bytes_are_asked_for_as_the_option_says(size: int):
    wire = _wire(load([], {"BPX_WS_BUFFER_SIZE": str(size)}))
    with (
        FrameServer(lambda peer: peer.send(frame(b"x" * 300))) as server,
        open_to(server.url, wire, 5.0) as one,
    ):
        counting = Counting(one._link)
        one._link = counting  # type: ignore[assignment]
        assert one.receive() == (TEXT, b"x" * 300)
        assert set(counting.asked) == {size}
        one._link = counting.link


def test_silence_is_a_time_out_and_harms_nothing(pair):
    ours, peer, _ = pair
    with pytest.raises(TimeoutError):
        ours.receive()
    peer.send(frame(b"begun")[:3])
    with pytest.raises(TimeoutError):
        ours.receive()
    peer.send(frame(b"begun")[3:])
    assert ours.receive() == (TEXT, b"begun")


@pytest.mark.parametrize(
    "begun", [frame(b"whole")[:1], frame(b"whole")[:4], frame(b"a", fin=False)]
)
def test_what_has_begun_and_is_not_completed_is_lost(pair, begun: bytes):
    ours, peer, clock = pair
    peer.send(begun)
    with pytest.raises(TimeoutError):
        ours.receive()
    clock.ahead_s += MESSAGE_WITHIN_S
    with pytest.raises(StreamLost, match="not completed") as lost:
        ours.receive()
    assert lost.value.loss is Loss.LOST


def test_pings_do_not_prolong_a_message_that_is_not_completed(pair):
    ours, peer, clock = pair
    peer.send(frame(b"a", fin=False) + frame(b"", PING))
    ours.receive()
    with pytest.raises(TimeoutError):
        ours.receive()
    clock.ahead_s += MESSAGE_WITHIN_S
    peer.send(frame(b"", PING))
    ours.receive()
    with pytest.raises(StreamLost, match="not completed"):
        ours.receive()


def test_fragments_that_each_bring_a_ping_do_not_prolong_it_either(pair):
    ours, peer, clock = pair
    peer.send(frame(b"a", fin=False) + frame(b"", PING))
    ours.receive()
    for _ in range(2):  # the first time it may be we who were late
        peer.send(frame(b"a", CONTINUATION, fin=False) + frame(b"", PING))
        ours.receive()
        clock.ahead_s += MESSAGE_WITHIN_S
    peer.send(frame(b"a", CONTINUATION, fin=False) + frame(b"", PING))
    with pytest.raises(StreamLost, match="not completed"):
        ours.receive()


def test_what_came_while_we_were_busy_is_read_before_it_is_judged(pair):
    ours, peer, clock = pair
    peer.send(frame(b"whole")[:3])
    with pytest.raises(TimeoutError):
        ours.receive()
    clock.ahead_s += 60
    peer.send(frame(b"whole")[3:])
    assert ours.receive() == (TEXT, b"whole")


def test_a_stream_of_messages_that_never_ends_with_a_whole_one_is_no_fault(pair):
    ours, peer, clock = pair
    rest = b""
    for number in range(5):
        content = rest + frame(b"n%d" % number)
        peer.send(content + frame(b"next")[:3])
        assert ours.receive() == (TEXT, b"n%d" % number)
        with pytest.raises(TimeoutError):
            ours.receive()
        clock.ahead_s += MESSAGE_WITHIN_S * 0.9
        peer.send(frame(b"next")[3:])
        assert ours.receive() == (TEXT, b"next")


def test_a_frame_that_drips_holds_nobody_for_longer_than_the_time_out_and_is_lost_in_the_end():
    def drip(peer: Peer) -> None:
        while not peer.over.wait(0.01):
            peer.send(frame(b"", CONTINUATION, fin=False) if begun else frame(b"", fin=False))
            begun.append(True)

    begun: list[bool] = []
    clock = MovedTime()
    with FrameServer(drip) as server:
        one = opened(server.url, PLAIN, clock, 0.1)
        began = monotonic()
        with pytest.raises(TimeoutError):
            one.receive()
        assert monotonic() - began < MESSAGE_WITHIN_S / 2
        clock.ahead_s += MESSAGE_WITHIN_S
        with pytest.raises(StreamLost, match="not completed"):
            one.receive()
        one.hang_up()


# The end


@pytest.mark.parametrize(
    ("code", "loss"),
    [(None, Loss.CLOSED), (1000, Loss.CLOSED), (1001, Loss.CLOSED), (1012, Loss.CLOSED),
     (1002, Loss.LOST), (1008, Loss.LOST), (1011, Loss.LOST), (1013, Loss.LOST), (4000, Loss.LOST)],
)  # fmt: skip
def test_a_close_frame_is_answered_with_its_code_and_says_how_it_is_lost(pair, code, loss):
    ours, peer, _ = pair
    peer.send(frame(b"last") + closing(code))
    assert ours.receive() == (TEXT, b"last")
    with pytest.raises(StreamLost) as lost:
        ours.receive()
    assert lost.value.loss is loss
    assert peer.receive() == (CLOSE, b"" if code is None else code.to_bytes(2, "big"))


@pytest.mark.parametrize("code", [1002, 1007, 1009])
def test_what_is_against_the_rules_is_told_and_lost(pair, code: int):
    ours, peer, _ = pair
    peer.send({1002: frame(rsv=1), 1007: closing(1000, b"\xff"), 1009: frame(length=1 << 30)}[code])
    with pytest.raises(StreamLost) as lost:
        ours.receive()
    assert lost.value.loss is Loss.PROTOCOL
    assert peer.receive() == (CLOSE, code.to_bytes(2, "big"))


def test_an_error_that_is_kept_keeps_nothing_of_what_was_read(restless):
    ours, peer, _ = restless
    begun = frame(b"x" * (1 << 20), fin=False) + frame(rsv=1)
    writer = threading.Thread(target=peer.send, args=(begun,))
    tracemalloc.start()
    try:
        writer.start()
        with pytest.raises(StreamLost) as lost:
            ours.receive()
        writer.join()
        assert tracemalloc.get_traced_memory()[1] > 1 << 20
        assert tracemalloc.get_traced_memory()[0] < 1 << 19
    finally:
        tracemalloc.stop()
    assert lost.value.loss is Loss.PROTOCOL


@pytest.mark.parametrize("ending", ["end", "reset"])
def test_a_connection_that_ends_without_a_word_is_lost(ending: str):
    def talk(peer: Peer) -> None:
        peer.send(frame(b"last"))
        assert peer.receive() == (TEXT, b"go")
        if ending == "reset":
            peer.cut()

    with served(talk) as one:
        assert one.receive() == (TEXT, b"last")
        one.send("go")
        with pytest.raises(StreamLost) as lost:
            one.receive()
        assert lost.value.loss is Loss.LOST


@pytest.mark.parametrize("is_polite", [True, False])
@pytest.mark.parametrize("tls", [False, True])
def test_whoever_receives_is_woken_when_it_is_closed_by_us(is_polite: bool, tls: bool):
    with Simulator(TinyVenue(), paused=True, tls=tls) as sim:
        wire = replace(PLAIN, ca_file=str(sim.ca_file) if tls else None)
        one = opened(sim.ws_url + "/stream", wire, ThreadRuntime(), 30.0)
        losses: list[Loss] = []

        def read() -> None:
            try:
                one.receive()
            except StreamLost as lost:
                losses.append(lost.loss)

        reader = threading.Thread(target=read)
        reader.start()
        one.close() if is_polite else one.hang_up()
        reader.join(20)
        assert losses in ([Loss.LOST], [Loss.CLOSED])
        one.close()
        one.hang_up()
        with pytest.raises(StreamLost):
            one.ping(b"1")
        eventually(lambda: sim.connections == [])


def test_a_good_bye_of_ours_says_1000():
    codes: list[int | None] = []
    with served(lambda peer: codes.append(peer.until_closed())) as one:
        one.close()
        eventually(lambda: codes == [1000])


# Opening


def test_the_time_to_open_is_that_of_all_its_parts_together():
    def shake(head: bytes) -> bytes:
        return b"HTTP/1.1 101 X\r\nX-Half: "

    with FrameServer(shake=shake, talk=lambda peer: peer.over.wait(40) and None) as server:
        began = monotonic()
        with pytest.raises(StreamLost) as lost:
            opened(server.url, replace(PLAIN, handshake_timeout_s=0.2), ThreadRuntime(), 1.0)
        assert monotonic() - began < 10
    assert lost.value.loss is Loss.UNREACHABLE


# Compression


@pytest.mark.parametrize("option", ["true", "false"])
@pytest.mark.parametrize("is_agreed", [True, False])
def test_compression_is_negotiated_if_the_option_says_so(option: str, is_agreed: bool):
    wire = _wire(load([], {"BPX_WS_ENABLE_COMPRESSION": option}))
    with Simulator(TinyVenue(), paused=True) as sim:
        sim.faults.decline_compression(not is_agreed)
        with open_to(sim.ws_url + f"/ws/{BEST}", wire, 5.0) as one:
            eventually(lambda: [one.streams for one in sim.connections] == [(BEST,)])
            assert sim.connections[0].is_compressed is (is_agreed and option == "true")
            for number in range(3):
                sim.step(100)
                assert one.receive() == (TEXT, b'{"n":%d}' % (10_001 + number))


def test_control_messages_of_ours_go_uncompressed_and_are_understood():
    heard = []
    with served(lambda peer: heard.append(peer.receive()), agreeing) as one:
        one.send("hello")
        eventually(lambda: heard == [(TEXT, b"hello")])
