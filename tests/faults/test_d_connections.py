"""Rows D7, D8: pipelines, connections that are kept open for nothing, clients that go away."""

import json
import re
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from select import POLLIN, poll
from threading import Thread
from time import monotonic
from urllib.request import urlopen

import pytest

from bpx.simulator.faults import RestFault
from tests.faults.abuse import (
    CACHED,
    Abused,
    Watch,
    abused,
    alone_p99_s,
    asked,
    memory_mb,
    rest_of,
    status_of,
)
from tests.faults.figures import figure
from tests.faults.orders import delivered, order, signed
from tests.faults.scale import full_or
from tests.proxy import Proxy
from tests.waiting import eventually

IDLE_S = full_or(60, 4)
NEWCOMER_S = 1.0
RESET = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def here() -> Iterator[Abused]:
    with abused({"BPX_SERVER_IDLE_TIMEOUT": f"{IDLE_S}s"}) as here:
        yield here


def bodies_of(answers: bytes) -> Iterator[bytes]:
    """Yield the body of each of the answers on a connection."""
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        assert length is not None
        yield rest[: int(length[1])]
        answers = rest[int(length[1]) :]


def pipelined(proxy: Proxy, limits: list[int]) -> list[int]:
    """Ask for so many rows, all at once; return how many rows came, in their order."""
    path = CACHED.replace("limit=100", "limit=%d")
    request = b"".join(f"GET {path % limit} HTTP/1.1\r\n\r\n".encode() for limit in limits)
    request += b"GET /api/v3/ping HTTP/1.1\r\nConnection: close\r\n\r\n"
    with socket.create_connection(proxy.address, timeout=30) as client:
        sending = Thread(target=client.sendall, args=(request,))
        sending.start()
        answers = rest_of(client)
        sending.join()
    *rows, ping = bodies_of(answers)
    assert ping == b"{}"
    return [len(json.loads(body)) for body in rows]


def test_d7_pipelined_requests_are_answered_in_order_and_do_not_hold_others_up(
    here: Abused,
) -> None:
    limits = [number % 100 + 1 for number in range(1_000)]
    reference_s = alone_p99_s(here.proxy)
    with Watch(here.proxy) as watch:
        began, before = monotonic(), len(watch.took_s)
        rows = [pipelined(here.proxy, limits)]
        took_s, meanwhile = monotonic() - began, len(watch.took_s) - before
        with ThreadPoolExecutor(4) as clients:
            more = range(full_or(4, 1))
            rows += clients.map(lambda number: pipelined(here.proxy, limits), more)
    figure(
        "D7 pipelines",
        requests=len(limits),
        took_s=took_s,
        newcomers_meanwhile=meanwhile,
        newcomer_longest_s=max(watch.took_s),
        alone_p99_s=reference_s,
    )
    assert rows == [limits] * (1 + len(more))
    assert watch.failures == []
    assert meanwhile >= 3
    assert max(watch.took_s) <= max(NEWCOMER_S, 3 * reference_s)


def idlers(proxy: Proxy, count: int, stack: ExitStack) -> list[socket.socket]:
    """Return clients that have asked once, and do nothing more."""
    clients = []
    for _ in range(count):
        client = stack.enter_context(socket.create_connection(proxy.address, timeout=20))
        client.sendall(f"HEAD {CACHED} HTTP/1.1\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        clients.append(client)
    return clients


def ended(clients: list[socket.socket]) -> int:
    """Return how many of them were closed."""
    watched = poll()
    for client in clients:
        watched.register(client, POLLIN)
    return len(watched.poll(0))


def test_d7_idle_connections_keep_nobody_out_and_are_closed(here: Abused) -> None:
    count = full_or(9_800, 1_000)  # of the 10,000 that fit, with the test's own beside
    before_mb = memory_mb(here.proxy)
    with ExitStack() as stack:
        clients = idlers(here.proxy, count, stack)
        opened = monotonic()
        assert ended(clients[-100:]) == 0
        with Watch(here.proxy) as watch:
            eventually(lambda: len(watch.took_s) >= 50, within_s=20)
        held_mb = memory_mb(here.proxy) - before_mb
        eventually(lambda: ended(clients) == count, within_s=IDLE_S + 10)
        closed_s = monotonic() - opened
    figure(
        "D7 idle",
        clients=count,
        newcomer_longest_s=max(watch.took_s),
        rss_grown_mb=held_mb,
        all_closed_after_s=closed_s,
    )
    assert watch.failures == []
    assert max(watch.took_s) <= NEWCOMER_S


def test_d7_in_a_full_house_whoever_has_waited_longest_makes_room() -> None:
    with abused(args=("--worker-connections", "60")) as here, ExitStack() as stack:
        slow = stack.enter_context(socket.create_connection(here.proxy.address))
        slow.sendall(b"GET /api/v3/ping HTTP/1.1\r\nX-Half: ")
        clients = idlers(here.proxy, 150, stack)
        with Watch(here.proxy) as watch:
            eventually(lambda: len(watch.took_s) >= 20, within_s=20)
        assert watch.failures == []
        assert max(watch.took_s) <= NEWCOMER_S
        assert rest_of(slow) == b""
        assert "Traceback" not in here.proxy.log()
        assert ended(clients[:80]) == 80
        assert ended(clients[-40:]) == 0
        assert clients[-1].send(b"GET /api/v3/ping HTTP/1.1\r\n\r\n") > 0
        assert clients[-1].recv(4096).startswith(b"HTTP/1.1 200 ")


def orders_that(outcome: str, proxy: Proxy) -> int:
    """Return how many orders the operators' page says had an outcome."""
    with urlopen(f"{proxy.operators_url}/metrics", timeout=20) as page:
        text = page.read().decode()
    kind = rf'bpx_upstream_calls_total{{kind="order",market="spot",outcome="{outcome}"}} (\S+)'
    found = re.search(kind, text)
    return int(float(found[1])) if found else 0


class Crowded:
    """Clients of whom some go away, always at the worst moment."""

    def __init__(self, here: Abused) -> None:
        self.here = here
        self.wrong: list[bytes] = []

    def act(self, number: int) -> None:
        """Be one of them: three of ten go."""
        going = {0: self.abandon, 1: self.stop_half_way, 2: self.abandon_read}
        going.get(number % 10, self.stay)(number)

    def abandon(self, number: int) -> None:
        """Place an order, and go while the exchange carries it out."""
        name = f"gone-{number}"
        with self._connected() as client:
            client.sendall(order(self.here.exchange, name))
            eventually(lambda: name in self._placed(), within_s=20)

    def stop_half_way(self, number: int) -> None:
        """Go in the middle of an order's head."""
        with self._connected() as client:
            client.sendall(order(self.here.exchange, f"half-{number}")[:-7])

    def abandon_read(self, number: int) -> None:
        """Go while a read is on its way."""
        with self._connected() as client:
            client.sendall(
                f"GET /api/v3/avgPrice?symbol=BTCUSDT&n={number} HTTP/1.1\r\n\r\n".encode()
            )

    def stay(self, number: int) -> None:
        """Place an order, ask for it, and look whether the answers are about it."""
        name = f"stays-{number}"
        self._look(name, asked(self.here.proxy, order(self.here.exchange, name)))
        query = signed(self.here.exchange, f"symbol=BTCUSDT&origClientOrderId={name}")
        head = (
            f"GET /api/v3/order?{query} HTTP/1.1\r\nX-MBX-APIKEY: key\r\nConnection: close\r\n\r\n"
        )
        self._look(name, asked(self.here.proxy, head.encode()))

    def _look(self, name: str, answer: bytes) -> None:
        if status_of(answer) != 200 or f'"clientOrderId":"{name}"'.encode() not in answer:
            self.wrong.append(answer)

    def _placed(self) -> set[str]:
        account = self.here.exchange.venue.account
        return {one.client_order_id for one in list(account.orders.values())}

    def _connected(self) -> socket.socket:
        client = socket.create_connection(self.here.proxy.address, timeout=20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return client


def test_d8_clients_that_go_away_lose_no_order_and_mix_up_no_answer(here: Abused) -> None:
    count = full_or(2_000, 200)
    here.exchange.call(here.exchange.venue.account.ledger.clear)
    here.exchange.faults.break_rest(RestFault("/api/v3/order", "POST", delay_s=0.1))
    before, crowd = orders_that("2xx", here.proxy), Crowded(here)
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(crowd.act, range(count)))
    here.exchange.faults.clear()
    arrived = delivered(here.exchange)
    gone = {f"gone-{number}" for number in range(0, count, 10)}
    stayed = {f"stays-{number}" for number in range(count) if number % 10 >= 3}
    eventually(lambda: orders_that("2xx", here.proxy) - before == len(gone | stayed), within_s=10)
    figure(
        "D8",
        clients=count,
        gone=3 * len(gone),
        orders=len(gone | stayed),
        delivered=len(arrived),
        twice=len(arrived) - len(set(arrived)),
        wrong_answers=len(crowd.wrong),
    )
    assert crowd.wrong == []
    assert sorted(arrived) == sorted(gone | stayed)
    assert "Traceback" not in here.proxy.log()
