"""The handle that tests hold."""

import json

import pytest
import requests

from bpx.simulator.simulator import Simulator
from tests.simulator.clients import connect
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually


def test_pause_returns_when_what_was_published_is_sent(sim):
    sim.resume()
    sim.pause()
    assert sim.venue.now_ms == sim.now_ms
    requests.get(sim.rest_url + "/x", timeout=5)
    assert sim.requests[-1].at_ms == sim.now_ms


def test_a_port_that_is_taken_is_an_error_at_once(sim):
    with pytest.raises(OSError, match="address"), Simulator(TinyVenue(), port=sim.port):
        pass


def test_anything_can_be_published_on_a_stream(sim):
    with connect(sim, "/ws/btcusdt@kline_1m") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.send("btcusdt@kline_1m", b"{broken")
        assert client.recv() == "{broken"


@pytest.mark.parametrize(
    ("market", "prefix", "route"), [("spot", "/api/v3", ""), ("futures", "/fapi/v1", "/public")]
)
def test_a_market_by_name_is_the_modelled_exchange(market, prefix, route):
    start_ms = 1_790_000_000_000
    with (
        Simulator(market, start_ms=start_ms, paused=True, seed=3) as sim,
        connect(sim, f"{route}/stream?streams=btcusdt@depth20@100ms") as client,
    ):
        eventually(lambda: len(sim.connections) == 1)
        sim.step(2_000)
        time = requests.get(f"{sim.rest_url}{prefix}/time", timeout=5).json()
        assert time == {"serverTime": start_ms + 2_000}
        seen = client.recv()
        sent = sim.last_sent("btcusdt@depth20@100ms")
        while seen.encode() != wrap(sent):
            seen = client.recv()
        data = json.loads(seen)["data"]
        target = f"{prefix}/depth?symbol=BTCUSDT&limit=20"
        reply = sim.reply("GET", target, as_of_ms=sent.at_ms)
        assert json.loads(reply.body)["bids"] == (data.get("bids") or data["b"])


def wrap(sent):
    return b'{"stream":"btcusdt@depth20@100ms","data":%b}' % sent.payload
