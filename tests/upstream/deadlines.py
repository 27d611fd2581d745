"""Run by test_wire in a process of its own, under gevent: deadlines that no library outlasts."""

import sys
from pathlib import Path

from gevent import monkey

monkey.patch_all()
sys.path.insert(0, str(Path(__file__).parents[2]))

from collections.abc import Callable  # noqa: E402
from time import monotonic  # noqa: E402

import gevent  # noqa: E402
from gevent import socket  # noqa: E402
from gevent.event import Event  # noqa: E402

from bpx.server.runtime import GeventRuntime  # noqa: E402
from bpx.upstream.bounds import Bounds  # noqa: E402
from bpx.upstream.broken import Broken  # noqa: E402
from bpx.upstream.call import Call, Kind  # noqa: E402
from bpx.upstream.wire import Wire  # noqa: E402

TOTAL_S = 1.0
ENOUGH_S = 10.0
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100
Talk = Callable[[socket.socket], None]


class Server:
    """Reads whole requests, and lets `talk` answer."""

    def __init__(self) -> None:
        self.talk: Talk = silent
        self.delivered = 0
        self.open = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        gevent.spawn(self._accept)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            gevent.spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        self.open += 1
        try:
            with connection:
                while b"\r\n\r\n" in connection.recv(65536):
                    self.delivered += 1
                    self.talk(connection)
        except OSError:
            pass
        finally:
            self.open -= 1


def silent(connection: socket.socket) -> None:
    """Answer nothing."""


def drip_from(start: int) -> Talk:
    """Answer a byte at a time, so that no single read takes long."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(REPLY[:start])
        for byte in REPLY[start:]:
            gevent.sleep(0.1)
            connection.sendall(bytes([byte]))

    return drip


def late(given_up: Event, sent: Event) -> Talk:
    """Answer after the caller has given up."""

    def answer(connection: socket.socket) -> None:
        given_up.wait()
        try:
            connection.sendall(REPLY)
        finally:
            sent.set()

    return answer


def quick(connection: socket.socket) -> None:
    """Answer at once."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def fail(wire: Wire) -> str:
    """Send an order that cannot succeed, and tell how it failed."""
    began = monotonic()
    try:
        wire.ask(Call("POST", "/order", kind=Kind.ORDER), TOTAL_S)
    except Broken as broken:
        took = monotonic() - began
        return f"{type(broken.failure).__name__} {'in time' if took < TOTAL_S + 5 else took}"
    return "no failure"


def bodies_around_a_late_answer(server: Server, wire: Wire) -> list[bytes]:
    """Return what orders get, one before and two after the answer to another that had failed."""
    given_up, sent = Event(), Event()
    server.talk = late(given_up, sent)
    fail(wire)
    server.talk = quick
    order = Call("POST", "/order", kind=Kind.ORDER)
    with gevent.Timeout(30):
        bodies = [wire.ask(order, ENOUGH_S).body]
        given_up.set()
        sent.wait()
        return bodies + [wire.ask(order, ENOUGH_S).body for _ in range(2)]


def main() -> None:
    """Print a line for each fault."""
    runtime = GeventRuntime()
    server = Server()
    wire = Wire(server.url, runtime, Bounds())
    faults: dict[str, Talk] = {
        "black hole": silent,
        "dripping head": drip_from(5),
        "dripping body": drip_from(len(REPLY) - 90),
    }
    for name, server.talk in faults.items():
        before = server.delivered
        print(f"{name}: {fail(wire)}, {'sent once' if server.delivered == before + 1 else '?'}")
    bodies = bodies_around_a_late_answer(server, wire)
    print("late answer:", "not given to the next call" if bodies == [b"{}"] * 3 else bodies)
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    hanging = Wire(f"http://127.0.0.1:{full.getsockname()[1]}", runtime, Bounds(connect_s=0.2))
    print("connect that hangs:", fail(hanging))
    wire.close()
    with gevent.Timeout(20):
        while server.open:
            gevent.sleep(0.01)
    print("all connections free again")


main()
