"""The rules of one stream connection, with real clients."""

import asyncio
import json
import socket
from dataclasses import replace

import aiohttp
import pytest
import websocket

from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from tests.simulator.clients import closed_with, connect
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually

SPOT = LIMITS["spot"]


def test_subscriptions_can_be_changed_on_an_open_connection(sim):
    with connect(sim, "/ws") as client:
        client.send('{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":1}')
        assert client.recv() == '{"result":null,"id":1}'
        sim.step(100)
        assert client.recv() == '{"n":10001}'
        client.send('{"method":"SET_PROPERTY","params":["combined",true],"id":2}')
        assert client.recv() == '{"result":null,"id":2}'
        sim.step(100)
        assert client.recv() == '{"stream":"btcusdt@kline_1m","data":{"n":10002}}'
        client.send('{"method":"UNSUBSCRIBE","params":["btcusdt@kline_1m"],"id":3}')
        assert client.recv() == '{"result":null,"id":3}'
        sim.step(100)
        client.send('{"method":"LIST_SUBSCRIPTIONS","id":4}')
        assert client.recv() == '{"result":[],"id":4}'
    assert len(sim.control_messages) == 4


def test_the_1025th_stream_is_an_error_and_the_end(sim):
    names = [f"s{n}@trade" for n in range(1025)]
    with connect(sim, "/ws") as client:
        client.send(json.dumps({"method": "SUBSCRIBE", "params": names[:1024], "id": 1}))
        assert client.recv() == '{"result":null,"id":1}'
        client.send(json.dumps({"method": "SUBSCRIBE", "params": names[1024:], "id": 2}))
        assert client.recv() == '{"error":{"code":4,"msg":"Too many subscriptions"}}'
        assert closed_with(client)[0] == 1008


@pytest.mark.parametrize(("market", "allowed"), [("spot", 5), ("futures", 10)])
def test_too_many_messages_in_a_second_end_the_connection(market, allowed):
    with (
        Simulator(TinyVenue(market), paused=True) as simulator,
        connect(simulator, "/ws") as client,
    ):
        for number in range(allowed):
            client.ping() if number % 2 else client.pong()
        client.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        assert closed_with(client) == (1008, "Too many requests")


def test_pings_carry_the_time_and_a_client_that_answers_stays():
    limits = replace(SPOT, ping_interval_s=0.05, pong_within_s=30, messages_per_s=1000)
    with (
        Simulator(TinyVenue(), paused=True, limits=limits) as simulator,
        connect(simulator, "/ws/btcusdt@kline_1m") as client,
    ):
        for _ in range(12):
            opcode, frame = client.recv_data_frame(control_frame=True)
            assert (opcode, frame.data) == (websocket.ABNF.OPCODE_PING, b"1000000")
        simulator.step(100)
        eventually(lambda: client.recv_data_frame(True)[1].data == b'{"n":10001}')


def test_a_pong_with_another_payload_does_not_count():
    payloads = iter(range(10**6))
    limits = replace(
        SPOT,
        ping_interval_s=0.05,
        pong_within_s=1.5,
        messages_per_s=1000,
        ping_payload=lambda now_ms: b"p%d" % next(payloads),
    )
    with (
        Simulator(TinyVenue(), limits=limits) as simulator,
        socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as wire,
    ):
        wire.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        received = b""
        while b"Pong timeout" not in received:
            received += wire.recv(4096)
            wire.sendall(b"\x8a\x81\0\0\0\0x")
        assert received.startswith(b"HTTP/1.1 101 ")
        assert b"p1" in received


def test_a_connection_ends_when_its_lifetime_is_over():
    with (
        Simulator(TinyVenue(), limits=replace(SPOT, lifetime_s=0.05)) as simulator,
        connect(simulator, "/ws") as client,
    ):
        assert closed_with(client)[0] == 1001


def test_permessage_deflate_is_spoken_with_a_client_that_offers_it(sim):
    async def listen():
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(sim.ws_url + "/stream?streams=btcusdt@kline_1m", compress=15) as ws,
        ):
            await asyncio.to_thread(sim.step, 200)
            return ws.compress, [await ws.receive_str(), await ws.receive_str()]

    compress, messages = asyncio.run(listen())
    assert compress == 15
    assert messages[1] == '{"stream":"btcusdt@kline_1m","data":{"n":10002}}'


def test_in_a_black_hole_nothing_is_heard_or_said_until_it_is_gone(sim):
    with connect(sim, "/ws/btcusdt@kline_1m") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.faults.black_hole()
        sim.step(100)
        client.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        client.settimeout(0.1)
        with pytest.raises(websocket.WebSocketTimeoutException):
            client.recv()
        sim.faults.black_hole(False)
        client.settimeout(5)
        assert client.recv() == '{"n":10001}'
        assert client.recv() == '{"result":["btcusdt@kline_1m"],"id":1}'


def test_the_server_can_stop_pinging():
    limits = replace(SPOT, ping_interval_s=0.02, pong_within_s=5)
    with Simulator(TinyVenue(), limits=limits, paused=True) as simulator:
        simulator.faults.stop_pinging()
        with connect(simulator, "/ws/btcusdt@kline_1m") as client:
            client.settimeout(0.2)
            with pytest.raises(websocket.WebSocketTimeoutException):
                client.recv_data_frame(control_frame=True)


def test_a_client_that_does_not_read_is_cut_off():
    limits = replace(SPOT, backlog_messages=100)
    with (
        Simulator(TinyVenue(), limits=limits, paused=True) as simulator,
        connect(simulator, "/ws/btcusdt@kline_1m"),
    ):
        eventually(lambda: len(simulator.connections) == 1)
        for _ in range(200):
            simulator.faults.black_hole()
            simulator.send("btcusdt@kline_1m", b'"x"')
        simulator.faults.black_hole(False)
        eventually(lambda: simulator.connections == [])
