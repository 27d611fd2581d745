"""Handshakes, and all connections together."""

from dataclasses import replace

import pytest
import websocket

from bpx.simulator.faults import Refusal
from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from tests.simulator.clients import closed_with, connect
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually

SPOT = LIMITS["spot"]


def test_open_connections_tell_what_they_listen_to(futures):
    with connect(futures, "/market/stream?streams=btcusdt@kline_1m"):
        eventually(lambda: len(futures.connections) == 1)
        (open_,) = futures.connections
        assert (open_.route, open_.is_combined) == ("market", True)
        assert open_.streams == ("btcusdt@kline_1m",)


def test_connection_attempts_of_an_address_are_limited():
    limits = replace(SPOT, connects=2, connects_window_s=60)
    with Simulator(TinyVenue(), limits=limits) as simulator:
        for _ in range(2):
            with connect(simulator, "/ws"):
                pass
        with pytest.raises(websocket.WebSocketBadStatusException, match="429"):
            websocket.create_connection(simulator.ws_url + "/ws", timeout=5)


def test_the_shutdown_notice_comes_in_both_forms(sim):
    with connect(sim, "/ws") as raw, connect(sim, "/stream") as combined:
        eventually(lambda: len(sim.connections) == 2)
        sim.shutdown_notice()
        assert raw.recv() == '{"e":"serverShutdown","E":1000000}'
        assert combined.recv() == (
            '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1000000}}'
        )


def test_connections_can_be_dropped_with_a_code_or_without_a_word(sim):
    with connect(sim, "/ws") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.drop_connections(1012, "restart")
        assert closed_with(client) == (1012, "restart")
    eventually(lambda: sim.connections == [])
    with connect(sim, "/ws") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.drop_connections()
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            client.recv()


def test_handshakes_can_be_refused(sim):
    sim.faults.refuse_handshakes(Refusal(418, headers={"Retry-After": "3"}), times=1)
    with pytest.raises(websocket.WebSocketBadStatusException, match="418"):
        websocket.create_connection(sim.ws_url + "/ws", timeout=5)
    with connect(sim, "/ws"):
        pass
