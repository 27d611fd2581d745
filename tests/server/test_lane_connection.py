"""The lane in a real server: clients that read slowly, go away, or speak TLS."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from bpx.simulator.simulator import Simulator
from tests.proxy import Proxy, running_proxy
from tests.server.lane_talk import one_answer
from tests.waiting import eventually

LARGE = "/api/v3/exchangeInfo"  # megabytes: no system takes that at once
SMALL = "/api/v3/depth?symbol=BTCUSDT&limit=5"
OTHER = "/api/v3/depth?symbol=ETHUSDT&limit=5"
RESET = struct.pack("ii", 1, 0)


@dataclass
class Served:
    """A proxy that knows some heads."""

    proxy: Proxy

    def worker(self) -> int:
        children = Path(f"/proc/{self.proxy.pid}/task/{self.proxy.pid}/children").read_text()
        return int(children.split()[-1])

    def repeated(self) -> float:
        lines = self.proxy.page("/metrics").splitlines()
        return sum(float(one.split()[-1]) for one in lines if one.startswith("bpx_repeated_re"))

    def clients(self) -> float:
        lines = self.proxy.page("/metrics").splitlines()
        return sum(float(one.split()[-1]) for one in lines if one.startswith("bpx_client_conn"))

    def ask(self, target: str) -> bytes:
        """Ask on a connection of its own, twice, so that it is known."""
        with self.connected() as client:
            for _ in range(2):
                client.sendall(head(target))
                answer = one_answer(client, head(target))
        return answer.partition(b"\r\n\r\n")[2]

    @contextmanager
    def connected(self, receive_buffer: int | None = None) -> Iterator[socket.socket]:
        with socket.socket() as client:
            if receive_buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(20)
            client.connect(self.proxy.address)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield client


def head(target: str, *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: proxy", *headers, "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with ExitStack() as stack:
        sim = stack.enter_context(Simulator("spot", full_size=True))
        options = {
            "BPX_UPSTREAM_SPOT_REST": sim.rest_url,
            "BPX_UPSTREAM_SPOT_WS": sim.ws_url,
            "BPX_SERVER_WRITE_TIMEOUT": "5s",
            "BPX_SERVER_FAST_LANE": "true",
        }
        served = Served(stack.enter_context(running_proxy("spot", options)))
        for target in (SMALL, OTHER, LARGE):
            eventually(lambda target=target: is_from_cache(served, target), within_s=20)
        assert len(served.ask(LARGE)) > 2_000_000
        yield served


def is_from_cache(served: Served, target: str) -> bool:
    reply = requests.get(served.proxy.url + target, timeout=20)
    return reply.headers["Data-Source"] in ("websocket", "cache")


def test_a_slow_reader_gets_all_of_it_and_may_ask_again(served: Served) -> None:
    before = served.repeated()
    with served.connected(receive_buffer=65_536) as client:
        client.sendall(head(LARGE))
        answer = one_answer(client, head(LARGE))
        client.sendall(head(LARGE))
        assert len(one_answer(client, head(LARGE))) == len(answer) > 2_000_000
    assert served.repeated() >= before + 2


def test_a_body_behind_a_slow_answer_is_no_request_though_it_spells_one(served: Served) -> None:
    served.ask(SMALL)
    with served.connected(receive_buffer=65_536) as client:
        have_slow_answer(client)
        spelt = head(SMALL)
        client.sendall(head("/api/v3/order", f"Content-Length: {len(spelt)}", method="POST"))
        assert_read(served)
        client.sendall(spelt)
        assert b'"lastUpdateId"' not in one_answer(client, spelt)
        client.sendall(head(SMALL))
        assert b'"lastUpdateId"' in one_answer(client, head(SMALL))


def test_half_a_head_behind_a_slow_answer_teaches_nothing(served: Served) -> None:
    wanted = served.ask(OTHER)
    with served.connected(receive_buffer=65_536) as client:
        have_slow_answer(client)
        client.sendall(f"GET {SMALL} HTTP/1.1\r\nX: ".encode())
        assert_read(served)
        spelt = head(OTHER, "X-Never: before")
        client.sendall(spelt)
        one_answer(client, spelt)
    with served.connected() as client:
        for _ in range(2):
            client.sendall(spelt)
            told = one_answer(client, spelt).partition(b"\r\n\r\n")[2]
            assert first_price(told) in range(first_price(wanted) // 2, first_price(wanted) * 2)


def have_slow_answer(client: socket.socket) -> None:
    """Have an answer of the application, and then one that the lane cannot send at once."""
    for target in ("/api/v3/a;b", LARGE):
        client.sendall(head(target))
        one_answer(client, head(target))


def first_price(book: bytes) -> int:
    return int(float(book.partition(b'"bids":[["')[2].partition(b'"')[0]))


def assert_read(served: Served) -> None:
    """Wait until the server has gone through everything that had arrived."""
    assert requests.get(f"{served.proxy.url}/api/v3/a;b", timeout=10).status_code == 400


@pytest.mark.parametrize("is_reset", [True, False])
def test_a_client_that_goes_away_or_stops_reading_amid_an_answer_takes_nothing_with_it(
    served: Served, is_reset: bool
) -> None:
    worker, before = served.worker(), served.clients()
    with ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(served.connected(receive_buffer=4096))
            client.sendall(head(LARGE))
            assert client.recv(100)
            if is_reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
        # Others come and get the descriptors that were theirs, and what they ask for.
        eventually(lambda: served.clients() <= before + 1, within_s=25)
        for _ in range(30):
            assert b'"lastUpdateId"' in served.ask(SMALL)
            assert b'"timezone"' in served.ask("/api/v3/exchangeInfo?symbol=BTCUSDT")
    assert served.worker() == worker
    os.kill(worker, 0)
