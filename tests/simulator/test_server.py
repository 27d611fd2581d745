"""TLS and time."""

import json
import ssl
from dataclasses import replace

import pytest
import requests

from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from tests.simulator.clients import connect
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually

SPOT = LIMITS["spot"]


def test_https_and_wss_work_for_whoever_trusts_the_certificate():
    with Simulator(TinyVenue(), tls=True, paused=True) as simulator:
        assert simulator.rest_url.startswith("https://")
        reply = requests.get(simulator.rest_url + "/x", verify=str(simulator.ca_file), timeout=5)
        assert reply.status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(simulator.rest_url + "/x", timeout=5)
        trust = {"ca_certs": str(simulator.ca_file), "cert_reqs": ssl.CERT_REQUIRED}
        with connect(simulator, "/ws/btcusdt@kline_1m", sslopt=trust) as client:
            simulator.step(100)
            assert client.recv() == '{"n":10001}'
    assert not simulator.ca_file.exists()


def test_time_runs_by_itself_at_the_speed_asked_for():
    with (
        Simulator(TinyVenue(), speed=100) as simulator,
        connect(simulator, "/ws/btcusdt@kline_1m") as client,
    ):
        numbers = [json.loads(client.recv())["n"] for _ in range(50)]
        assert numbers == list(range(numbers[0], numbers[0] + 50))


def test_a_long_step_loses_nothing():
    with (
        Simulator(TinyVenue(), paused=True, limits=replace(SPOT, backlog_messages=50)) as simulator,
        connect(simulator, "/ws/btcusdt@kline_1m") as client,
    ):
        eventually(lambda: len(simulator.connections) == 1)
        simulator.step(100_000)
        assert [json.loads(client.recv())["n"] for _ in range(1000)] == list(range(10001, 11001))
