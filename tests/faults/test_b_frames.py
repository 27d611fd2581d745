"""B5, B8, B9: pings, handshakes and frames, by a server of plain sockets."""

import random
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import orjson
import pytest

from bpx.errors import Loss, StreamLost
from bpx.simulator.simulator import Simulator
from bpx.streams.connection import Connection
from bpx.streams.connects import Connects, Gate
from bpx.streams.tap import Tap
from bpx.streams.voice import Place
from bpx.streams.wire import Socket, Wire, opened
from tests.faults.figures import figure
from tests.faults.frame_corpus import ALLOWED, FORBIDDEN, in_fragments
from tests.faults.frame_server import (
    PING,
    PONG,
    TEXT,
    FrameServer,
    Peer,
    accepted,
    agreeing,
    frame,
    welcome,
)
from tests.faults.memory import peak_mb
from tests.faults.scale import IS_FULL, full_or
from tests.faults.stage import UNLIMITED, Bots, is_listed
from tests.proxy import Proxy, running_proxy
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2"
WIRE = Wire(handshake_timeout_s=20.0)
AT_ONCE_S = full_or(1, 10)  # in the short form other tests run, too
HUNGRY_CLIENTS = 4
HUNGRY = """
import socket, sys, time
host, port, path = sys.argv[1:]
asked = 0
with socket.create_connection((host, int(port)), 20) as link:
    print("ready", flush=True)
    until = float(sys.stdin.readline())
    while time.monotonic() < until:
        link.sendall(b"GET %b HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % path.encode())
        answer = b""
        while not answer.endswith(b"]]"):
            answer += link.recv(65536) or sys.exit("cut off")
        asked += 1
print(asked)
"""
END = (TEXT, b"the end")


@contextmanager
def socket_to(server: FrameServer, wire: Wire = WIRE, timeout_s: float = 20.0) -> Iterator[Socket]:
    """Open a WebSocket to a server."""
    one = opened(server.url + "/stream", wire, ThreadRuntime(), timeout_s)
    try:
        yield one
    finally:
        one.hang_up()


@contextmanager
def connection_to(server: FrameServer, wire: Wire = WIRE) -> Iterator[Tap]:
    """Run a connection that has something to carry; give what hears it."""
    runtime = ThreadRuntime()
    place = Place("spot", "", server.url + "/stream", 20, wire, runtime)
    connection = Connection(place, Gate(Connects(10_000), lambda: 0.0), lambda _: None)
    tap = Tap("spot", ["btcusdt@kline_1m"], 1000)
    connection.add(tap)
    connection.start()
    try:
        yield tap
    finally:
        connection.close()
        for thread in runtime.threads:
            thread.join(20)
            assert not thread.is_alive()


@contextmanager
def proxy_to(server: FrameServer, **options: str) -> Iterator[tuple[Proxy, Bots]]:
    """Run the real proxy: REST is a simulated exchange's, streams are those of `server`."""
    with Simulator("spot") as exchange:
        urls = {"BPX_UPSTREAM_SPOT_REST": exchange.rest_url, "BPX_UPSTREAM_SPOT_WS": server.url}
        with running_proxy("spot", UNLIMITED | urls | options) as proxy:
            bots = Bots(proxy.url)
            eventually(lambda: is_listed(proxy.url))
            assert bots.ask(KLINES).status == 200
            yield proxy, bots


def worker_of(proxy: Proxy) -> int:
    """Return the process id of gunicorn's worker."""
    children = Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text()
    return int(children.split()[0])


# The pings of B5


@dataclass
class Pinging:
    """Pings a client with random payloads; whoever does not echo them right is dropped."""

    every_s: float
    within_s: float = 60.0

    def __post_init__(self) -> None:
        self.sent = 0
        self.echoed_in_s: list[float] = []
        self.wrong = 0

    def talk(self, peer: Peer) -> None:
        waiting: list[tuple[bytes, float]] = []

        def hear(opcode: int, payload: bytes) -> None:
            if opcode != PONG:
                return
            expected, at = waiting.pop(0)
            self.echoed_in_s.append(monotonic() - at)
            if payload != expected:
                self.wrong += 1
                peer.cut()

        def ping() -> None:
            while not peer.over.wait(self.every_s):
                payload = random.randbytes(random.choice([0, 1, 125, random.randint(0, 125)]))
                waiting.append((payload, monotonic()))
                self.sent += 1
                with suppress(OSError):  # its end is for the reader to notice
                    peer.send(frame(payload, PING))

        threading.Thread(target=ping, daemon=True).start()
        peer.acknowledge_all(hear)


def test_b5_every_ping_is_answered_with_its_payload_within_2_s_under_full_load():
    pinging = Pinging(every_s=full_or(2000, 100) / 1000)
    with FrameServer(pinging.talk) as server, proxy_to(server) as (proxy, _):
        eventually(lambda: pinging.sent > 0, within_s=10)
        seconds = full_or(60, 6)
        clients = [start_asking(proxy.address) for _ in range(HUNGRY_CLIENTS)]
        assert [client.stdout.readline() for client in clients] == [b"ready\n"] * HUNGRY_CLIENTS
        before = cpu_seconds(worker_of(proxy))
        until = f"{monotonic() + seconds}\n".encode()  # the clock is the same for all of them
        for client in clients:
            client.stdin.write(until)
            client.stdin.flush()
        asked = sum(int(client.communicate(timeout=seconds + 20)[0]) for client in clients)
        after = cpu_seconds(worker_of(proxy))
        spent, wanted = ((now - then) / seconds for now, then in zip(after, before, strict=True))
        eventually(lambda: len(pinging.echoed_in_s) >= pinging.sent - 1)
    figure(
        "B5", pings=pinging.sent, wrong=pinging.wrong, slowest_s=max(pinging.echoed_in_s),
        requests=asked, worker_cpu=spent,
    )  # fmt: skip
    # In the short form other tests have the processor, too: there it is enough to have wanted it.
    assert (spent if IS_FULL else wanted) >= 0.6, "it was not busy enough to say anything"
    assert pinging.wrong == 0
    assert len(server.connected_at) == 1
    assert len(pinging.echoed_in_s) >= full_or(25, 20)
    # In the short form it is we who may be late to send or to hear; who waits for the end of the
    # load takes longer.
    assert max(pinging.echoed_in_s) <= full_or(2, 5)


def start_asking(address: tuple[str, int]) -> subprocess.Popen[bytes]:
    """Start a client that asks for candles over and over until the time that it reads.

    It prints that it is ready, and then how often it has asked.
    """
    host, port = address
    command = [sys.executable, "-c", HUNGRY, host, str(port), KLINES]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return for how long a process ran, and ran or could have, had no other been in its way.

    https://docs.kernel.org/scheduler/sched-stats.html
    """
    on_cpu_ns, in_queue_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(on_cpu_ns) / 1e9, (int(on_cpu_ns) + int(in_queue_ns)) / 1e9


# The handshakes of B8

Shake = Callable[[bytes], bytes]


def answering(status: int, *headers: str) -> Shake:
    more = "".join(f"{header}\r\n" for header in headers)
    return lambda head: f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n{more}\r\n{{}}".encode()


HANDSHAKES: dict[str, tuple[Shake, Loss, float | None]] = {
    "400": (answering(400), Loss.REFUSED, None),
    "403": (answering(403), Loss.BANNED, None),
    "418": (answering(418, "Retry-After: 300"), Loss.BANNED, 300.0),
    "429": (answering(429, "Retry-After: 7"), Loss.BANNED, 7.0),
    "429 that does not say for how long": (answering(429), Loss.BANNED, None),
    "451": (answering(451), Loss.BANNED, None),
    "500": (answering(500), Loss.REFUSED, None),
    "a wrong Accept": (
        lambda head: welcome(head).replace(accepted(head), accepted(b"Sec-WebSocket-Key: x")),
        Loss.REFUSED,
        None,
    ),
    "no Upgrade": (
        lambda head: welcome(head).replace(b"Upgrade: websocket\r\n", b""),
        Loss.REFUSED,
        None,
    ),
    "an extension that was not offered": (
        lambda head: welcome(head, "Sec-WebSocket-Extensions: permessage-other"),
        Loss.REFUSED,
        None,
    ),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_b8_what_is_no_handshake_fails_at_once_and_says_of_which_kind(name: str):
    shake, loss, retry_after_s = HANDSHAKES[name]
    with FrameServer(shake=shake) as server:
        began = monotonic()
        with pytest.raises(StreamLost) as lost, socket_to(server):
            pass
        assert monotonic() - began < AT_ONCE_S
    assert (lost.value.loss, lost.value.retry_after_s) == (loss, retry_after_s)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_b8_a_redirect_is_not_followed(status: int):
    with FrameServer() as elsewhere:
        away = answering(status, f"Location: {elsewhere.url}/stream")
        with FrameServer(shake=away) as server:
            with pytest.raises(StreamLost) as lost, socket_to(server):
                pass
            with connection_to(server, replace(WIRE, reconnect_delay_s=0.01)):
                eventually(lambda: len(server.connected_at) >= 4)
    assert lost.value.loss is Loss.REFUSED
    assert elsewhere.connected_at == []


def test_b8_a_ban_is_waited_out():
    seconds = full_or(10, 2)
    with ThreadPoolExecutor(2) as pool:
        waits = list(pool.map(returned_after_s, [418, 429], [seconds, seconds]))
    figure("B8", banned_for_s=seconds, came_back_after_s=max(waits))
    assert seconds <= min(waits)
    assert max(waits) <= seconds + 2 * AT_ONCE_S


def returned_after_s(status: int, seconds: int) -> float:
    """Return how long after a ban of `seconds` the next connection comes, and it is used."""
    banned = answering(status, f"Retry-After: {seconds}")

    def shake(head: bytes) -> bytes:
        return banned(head) if len(server.heads) == 1 else welcome(head)

    with FrameServer(Peer.acknowledge_all, shake) as server, connection_to(server) as tap:
        eventually(lambda: tap.subscribed_at is not None, within_s=seconds + 20)
        first, second = server.connected_at
    return second - first


def test_b8_a_handshake_that_hangs_or_drips_is_cut_off():
    within_s = full_or(10, 1)
    dripped_s: list[float] = []

    def hang_then_drip(head: bytes) -> bytes:
        return b"" if len(server.heads) <= 2 else b"HTTP/1.1 101 X\r\nX-Drip: "

    def drip(peer: Peer) -> None:
        began = monotonic()
        try:
            while not peer.over.wait(0.02):
                peer.send(b"x")
        except OSError:
            dripped_s.append(monotonic() - began)

    options = {"BPX_WS_HANDSHAKE_TIMEOUT": f"{within_s}s", "BPX_WS_RECONNECT_DELAY": "100ms"}
    with FrameServer(drip, hang_then_drip) as server, proxy_to(server, **options):
        eventually(lambda: len(dripped_s) >= 1, within_s=4 * within_s + 5)
        hung_s = server.connected_at[1] - server.connected_at[0]
    figure("B8", limit_s=within_s, hung_s=hung_s, dripped_s=max(dripped_s))
    assert within_s <= hung_s <= within_s + 1.5
    assert within_s - 0.5 <= max(dripped_s) <= within_s + 1


# The frames of B9


@pytest.mark.parametrize("name", ALLOWED)
def test_b9_what_is_allowed_is_heard_and_answered(name: str):
    content, messages, pings = ALLOWED[name]
    pongs: list[bytes] = []

    def talk(peer: Peer) -> None:
        size = 1 if len(content) < 300 else 997 if len(content) < 100_000 else 1 << 20
        for begin in range(0, len(content), size):
            peer.send(content[begin : begin + size])
        peer.send(frame(END[1]))
        pongs.extend(peer.receive()[1] for _ in pings)
        peer.until_closed()

    with FrameServer(talk) as server, socket_to(server) as one:
        heard = []
        while END not in heard:
            heard.append(one.receive())
        assert [row for row in heard[:-1] if row[0] not in (PING, PONG)] == messages
        assert [payload for opcode, payload in heard if opcode == PING] == pings
        eventually(lambda: pongs == pings)


@pytest.mark.parametrize("name", FORBIDDEN)
def test_b9_what_is_forbidden_ends_the_connection_at_once(name: str):
    content, code = FORBIDDEN[name]
    codes: list[int | None] = []

    def talk(peer: Peer) -> None:
        peer.link.settimeout(20)
        try:
            peer.send(content)
        finally:
            codes.append(peer.until_closed())

    with FrameServer(talk) as server, socket_to(server) as one:
        began = monotonic()
        with pytest.raises(StreamLost) as lost:
            read_all(one)
        took_s = monotonic() - began
    assert lost.value.loss is Loss.PROTOCOL
    assert took_s <= AT_ONCE_S
    assert codes == [code]


def read_all(one: Socket) -> None:
    while True:
        one.receive()


def test_b9_after_what_is_forbidden_a_new_connection_is_there_within_a_second():
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(reconnected_after_s, [row[0] for row in FORBIDDEN.values()]))
    figure("B9", cases=len(ALLOWED) + len(FORBIDDEN), slowest_reconnect_s=max(waits))
    assert len(ALLOWED) + len(FORBIDDEN) >= 40
    assert max(waits) <= AT_ONCE_S


def reconnected_after_s(content: bytes) -> float:
    """Return how long after `content` the next connection comes, subscribed and heard."""
    sent_at: list[float] = []

    def talk(peer: Peer) -> None:
        if not sent_at:
            sent_at.append(monotonic())
            peer.send(content)
            peer.until_closed()
        else:
            peer.acknowledge_all()

    with FrameServer(talk) as server, connection_to(server) as tap:
        eventually(lambda: len(server.connected_at) >= 2)
        eventually(lambda: tap.subscribed_at is not None)
        return server.connected_at[1] - sent_at[0]


def test_b9_a_message_that_is_not_utf8_is_no_json_and_the_connection_stays():
    def talk(peer: Peer) -> None:
        peer.send(frame(b'{"stream":"btcusdt@kline_1m","data":{"a":"\xce\xba\xff"}}'))
        peer.send(frame(b'{"stream":"btcusdt@kline_1m","data":{"a":1}}'))
        peer.acknowledge_all()

    with FrameServer(talk) as server, connection_to(server) as tap:
        bad, good = (arrival.payload for _ in range(2) if (arrival := tap.next(20)))
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(bad)
        assert good == b'{"a":1}'
        assert len(server.connected_at) == 1


def test_b9_messages_that_are_too_big_take_no_memory():
    large = 16 << 20
    contents = [
        frame(length=large) + b"x" * large,
        in_fragments(b"x" * large, 1 << 20),
        frame(bomb(100 << 20), rsv=4),
    ]
    turn = iter(range(10_000))

    def talk(peer: Peer) -> None:
        peer.send(contents[next(turn) % len(contents)])
        peer.until_closed()

    rounds = full_or(30, 6)
    with FrameServer(talk, agreeing) as server:
        options = {"BPX_WS_RECONNECT_DELAY": "20ms", "BPX_WS_MAX_RECONNECT_DELAY": "200ms"}
        with proxy_to(server, **options) as (proxy, bots):
            worker = worker_of(proxy)
            before = peak_mb(worker, reset=True)
            eventually(lambda: len(server.connected_at) > rounds, within_s=60)
            growth = peak_mb(worker) - before
            assert bots.ask(KLINES).status == 200
    figure("B9", too_big=rounds, peak_growth_mb=growth)
    assert growth <= 50


def bomb(size: int) -> bytes:
    stream = zlib.compressobj(1, wbits=-15)
    block = b"\x00" * (1 << 20)
    packed = b"".join(stream.compress(block) for _ in range(size // len(block)))
    return packed + stream.flush(zlib.Z_SYNC_FLUSH)[:-4]
