"""A proxy in front of a simulated exchange, whose processes a test ends."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import requests

from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from tests.faults.stage import UNLIMITED
from tests.proxy import Proxy, running, running_proxy
from tests.waiting import eventually

ORDER = "/api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp=1&signature=ab"
DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=5"
TICKER = "/api/v3/ticker/24hr?symbol=ETHUSDT"


@dataclass
class Life:
    """What a test of a server's life needs.

    Args:
        exchange: behind the proxy.
        proxy: its processes.
        bots: send what takes long.
    """

    exchange: Simulator
    proxy: Proxy
    bots: ThreadPoolExecutor

    def worker(self) -> int:
        """Return the process id of the worker: of the newest, if there are two."""
        return self.workers()[-1]

    def workers(self) -> list[int]:
        """Return the process ids of all workers."""
        children = Path(f"/proc/{self.proxy.pid}/task/{self.proxy.pid}/children").read_text()
        return [int(child) for child in children.split()]

    def is_ready(self) -> bool:
        """Whether there is somebody, and ready."""
        with suppress(requests.RequestException):
            return self.operators("/ready").status_code == 200
        return False

    def is_draining(self) -> bool:
        """Whether there is somebody who says that he ends."""
        return self.operators("/ready").status_code == 503

    def operators(self, page: str) -> requests.Response:
        """Ask the operators' port."""
        return requests.get(f"{self.proxy.operators_url}{page}", timeout=20)

    def health(self) -> dict[str, Any]:
        """Return what is known of the market."""
        market: dict[str, Any] = self.operators("/health").json()["markets"]["spot"]
        return market

    def ask(self, target: str, method: str = "GET") -> requests.Response:
        """Ask once, on a connection of its own."""
        return requests.request(method, self.proxy.url + target, timeout=30)

    def answers(self, target: str = "/api/v3/time") -> bool:
        """Whether a request is answered well now."""
        with suppress(requests.RequestException):
            return self.ask(target).status_code == 200
        return False

    def order(self, number: int) -> Future[requests.Response]:
        """Send an order beside everything else."""
        return self.bots.submit(self.ask, f"{ORDER}&newClientOrderId=o{number}", "POST")

    def follow(self, *targets: str) -> None:
        """Ask until streams answer."""
        for target in targets:
            eventually(lambda one=target: is_streamed(self.ask(one)))

    def slow_orders(self, delay_s: float) -> None:
        """Let orders take that long, and be answered well."""
        fault = RestFault("/api/v3/order", status=200, body=b'{"orderId":1}', delay_s=delay_s)
        self.exchange.faults.break_rest(fault)

    def delivered(self) -> list[str]:
        """Return the orders that the exchange has got."""
        return [row.target for row in self.exchange.requests if row.method == "POST"]

    def kill(self, number: int) -> float:
        """Send a signal to the master; return when."""
        os.kill(self.proxy.pid, number)
        return monotonic()

    def stop(self) -> float:
        """Tell it to stop; return when."""
        return self.kill(signal.SIGTERM)


def is_streamed(reply: requests.Response) -> bool:
    """Whether an answer is from a stream."""
    return reply.headers["Data-Source"] == "websocket"


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def is_refused(url: str) -> bool:
    """Whether nobody listens there."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


@contextmanager
def living(env: Mapping[str, str] | None = None, args: tuple[str, ...] = ()) -> Iterator[Life]:
    """Run a simulated exchange, and a proxy of its spot market."""
    with (
        Simulator("spot") as exchange,
        ThreadPoolExecutor(20) as bots,  # they end when the proxy has
        running_proxy("spot", options_for(exchange) | dict(env or {}), args) as proxy,
    ):
        life = Life(exchange, proxy, bots)
        eventually(lambda: life.operators("/ready").status_code == 200)
        yield life


def options_for(exchange: Simulator) -> dict[str, str]:
    """Return the options of a proxy of that exchange."""
    return UNLIMITED | {
        "BPX_UPSTREAM_SPOT_REST": exchange.rest_url,
        "BPX_UPSTREAM_SPOT_WS": exchange.ws_url,
        "BPX_SERVER_SHUTDOWN_TIMEOUT": "15s",
    }


@contextmanager
def started_again(life: Life, log: Path) -> Iterator[None]:
    """Run another server where the one that has ended was."""
    ports = {
        "BPX_FEAT_ENABLE_METRICS": "true",
        "BPX_FEAT_METRICS_PORT": life.proxy.operators_url.rpartition(":")[2],
        "BPX_SERVER_PORT_SPOT": life.proxy.url.rpartition(":")[2],
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:spot"]
    with running(command, options_for(life.exchange) | ports, log):
        yield
