"""The handle that tests hold, and the rules of streams, over real sockets."""

import asyncio
import gzip
import json
import socket
import ssl
from contextlib import contextmanager
from dataclasses import replace

import aiohttp
import pytest
import requests
import websocket

from bpx.simulator.faults import Ending, Refusal, RestFault
from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually

SPOT = LIMITS["spot"]


@pytest.fixture
def sim():
    with Simulator(TinyVenue(), paused=True) as simulator:
        yield simulator


@pytest.fixture
def futures():
    with Simulator(TinyVenue("futures"), paused=True) as simulator:
        yield simulator


@contextmanager
def connect(simulator, path, **options):
    client = websocket.create_connection(simulator.ws_url + path, timeout=5, **options)
    try:
        yield client
    finally:
        client.shutdown()


def closed_with(client):
    """Read on until the close frame and return its code and reason."""
    while True:
        opcode, payload = client.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(payload[:2]), payload[2:].decode()


def raw_http(simulator, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as wire:
        wire.sendall(request)
        received = b""
        while chunk := wire.recv(65536):
            received += chunk
        return received


# REST


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v3/x?a=%41%2f%2F%e5&b=",
        b'/x?a=[1,"2"]&b={}',
        b"/a/../b/./c//d?x=1",
        b"//double",
        b"/x?",
        b"/x?%23=%3F&&=&c",
        b"/x?q=\xe5\xb8\x81",
        b"/x?q=\xe5",
        b"/x?a=b;c|d^e`f\\g'h",
        b"/x?a=1#fragment",
    ],
)
def test_target_and_body_arrive_byte_for_byte(sim, target):
    body = b"a=%41&b=\xff\x00"
    reply = raw_http(
        sim,
        b"POST %b HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: k\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (target, len(body), body),
    )
    head, _, seen = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert bytes.fromhex(json.loads(seen)["target"]) == target
    assert bytes.fromhex(json.loads(seen)["body"]) == body
    assert json.loads(seen)["headers"]["x-mbx-apikey"] == "k"


def test_a_compressed_body_is_handed_on_as_it_is(sim):
    body = gzip.compress(b"a=1")
    headers = {"Content-Encoding": "gzip"}
    seen = requests.post(sim.rest_url + "/order", data=body, headers=headers, timeout=5).json()
    assert bytes.fromhex(seen["body"]) == body


def test_replies_are_dated_by_the_exchange_and_typed_as_binance_does(sim):
    reply = requests.get(sim.rest_url + "/x", timeout=5)
    assert reply.headers["Date"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "7"
    missing = requests.get(sim.rest_url + "/none", timeout=5)
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "text/plain")


def test_long_replies_are_compressed_for_whoever_accepts_it(sim):
    plain = requests.get(sim.rest_url + "/big", headers={"Accept-Encoding": ""}, timeout=5)
    packed = requests.get(sim.rest_url + "/big", timeout=5)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content
    short = requests.get(sim.rest_url + "/x", timeout=5)
    assert "Content-Encoding" not in short.headers


def test_rest_answers_as_of_the_clock_and_can_be_asked_as_of_earlier(sim):
    sim.step(1_234)
    assert requests.get(sim.rest_url + "/x", timeout=5).json()["now_ms"] == 1_001_234
    assert json.loads(sim.reply("GET", "/x").body)["now_ms"] == 1_001_234
    assert json.loads(sim.reply("GET", "/x", as_of_ms=1_000_500).body)["now_ms"] == 1_000_500


def test_requests_are_remembered_until_they_are_cleared(sim):
    requests.get(sim.rest_url + "/x?a=%2F", headers={"X-Test": "1"}, timeout=5)
    asked = sim.requests[-1]
    assert (asked.method, asked.target, asked.status) == ("GET", "/x?a=%2F", 200)
    assert (asked.headers["x-test"], asked.client, asked.at_ms) == ("1", "127.0.0.1", 1_000_000)
    sim.requests.clear()
    assert list(sim.requests) == []


# Streams: paths, forms, control messages


def test_a_raw_path_gives_bare_payloads_and_a_combined_one_wraps_them(sim):
    with (
        connect(sim, "/ws/btcusdt@kline_1m/btcusdt@bookTicker") as raw,
        connect(sim, "/stream?streams=btcusdt@kline_1m") as combined,
    ):
        eventually(lambda: len(sim.connections) == 2)
        sim.step(100)
        assert [raw.recv(), raw.recv()] == ['{"n":10001}', '{"n":10001}']
        assert combined.recv() == '{"stream":"btcusdt@kline_1m","data":{"n":10001}}'
    assert sim.last_sent("btcusdt@kline_1m").payload == b'{"n":10001}'
    assert sim.last_sent("btcusdt@kline_1m").at_ms == 1_000_100
    assert sim.last_sent("ethusdt@ticker") is None


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


def test_the_venue_is_asked_once_for_a_stream_that_several_want(sim):
    with connect(sim, "/ws/btcusdt@kline_1m") as one:
        with connect(sim, "/ws/btcusdt@kline_1m"):
            eventually(lambda: len(sim.connections) == 2)
            assert sim.venue.subscribed == ["btcusdt@kline_1m"]
        eventually(lambda: len(sim.connections) == 1)
        assert sim.venue.subscribed == ["btcusdt@kline_1m"]
        sim.step(100)
        assert one.recv() == '{"n":10001}'
    eventually(lambda: sim.venue.subscribed == [])
    assert sim.connects == 2


def test_open_connections_tell_what_they_listen_to(futures):
    with connect(futures, "/market/stream?streams=btcusdt@kline_1m"):
        eventually(lambda: len(futures.connections) == 1)
        (open_,) = futures.connections
        assert (open_.route, open_.is_combined) == ("market", True)
        assert open_.streams == ("btcusdt@kline_1m",)


def test_a_wrong_route_or_an_unknown_name_is_acknowledged_and_silent(futures):
    with connect(futures, "/public/stream") as public, connect(futures, "/ws") as unrouted:
        ask = '{"method":"SUBSCRIBE","params":["btcusdt@kline_1m","BTCUSDT@kline_1m","x"],"id":1}'
        for client in (public, unrouted):
            client.send(ask)
            assert client.recv() == '{"result":null,"id":1}'
        futures.step(300)
        assert futures.venue.subscribed == []
        public.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        listed = '{"result":["btcusdt@kline_1m","BTCUSDT@kline_1m","x"],"id":2}'
        assert public.recv() == listed
        unrouted.send('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":3}')
        assert unrouted.recv() == '{"result":null,"id":3}'
        futures.step(100)
        assert unrouted.recv() == '{"n":10004}'


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


def test_connection_attempts_of_an_address_are_limited():
    limits = replace(SPOT, connects=2, connects_window_s=60)
    with Simulator(TinyVenue(), limits=limits) as simulator:
        for _ in range(2):
            with connect(simulator, "/ws"):
                pass
        with pytest.raises(websocket.WebSocketBadStatusException, match="429"):
            websocket.create_connection(simulator.ws_url + "/ws", timeout=5)


# Streams: pings, lifetime, notices


def test_pings_carry_the_time_and_a_client_that_answers_stays():
    limits = replace(SPOT, ping_interval_s=0.05, pong_within_s=0.5, messages_per_s=1000)
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
        pong_within_s=0.3,
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


# TLS


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


# Time


def test_time_runs_by_itself_at_the_speed_asked_for():
    with (
        Simulator(TinyVenue(), speed=100) as simulator,
        connect(simulator, "/ws/btcusdt@kline_1m") as client,
    ):
        numbers = [json.loads(client.recv())["n"] for _ in range(50)]
        assert numbers == list(range(numbers[0], numbers[0] + 50))


def test_pause_returns_when_what_was_published_is_sent(sim):
    sim.resume()
    sim.pause()
    assert sim.venue.now_ms == sim.now_ms
    requests.get(sim.rest_url + "/x", timeout=5)
    assert sim.requests[-1].at_ms == sim.now_ms


def test_a_long_step_loses_nothing():
    with (
        Simulator(TinyVenue(), paused=True, limits=replace(SPOT, backlog_messages=50)) as simulator,
        connect(simulator, "/ws/btcusdt@kline_1m") as client,
    ):
        eventually(lambda: len(simulator.connections) == 1)
        simulator.step(100_000)
        assert [json.loads(client.recv())["n"] for _ in range(1000)] == list(range(10001, 11001))


def test_a_port_that_is_taken_is_an_error_at_once(sim):
    with pytest.raises(OSError, match="address"), Simulator(TinyVenue(), port=sim.port):
        pass


# Faults


def test_rest_can_be_made_to_say_anything(sim):
    banned = RestFault("/x", status=418, body=b'{"code":-1003}', headers={"Retry-After": "9"})
    sim.faults.break_rest(banned, times=1)
    reply = requests.get(sim.rest_url + "/x", timeout=5)
    assert (reply.status_code, reply.headers["Retry-After"]) == (418, "9")
    assert requests.get(sim.rest_url + "/x", timeout=5).status_code == 200
    assert [row.status for row in sim.requests] == [418, 200]


def test_a_reply_can_be_lost_after_the_order_was_carried_out_or_before(sim):
    for is_delivered, orders in ((True, 1), (False, 1)):
        lost = RestFault("/order", ending=Ending.CLOSE, is_delivered=is_delivered)
        sim.faults.break_rest(lost, times=1)
        with pytest.raises(requests.ConnectionError):
            requests.post(sim.rest_url + "/order", data=b"a=1", timeout=5)
        assert len(sim.venue.orders) == orders
    assert [row.status for row in sim.requests] == [None, None]


def test_a_reply_can_stall_or_break_in_the_middle(sim):
    sim.faults.break_rest(RestFault("/x", ending=Ending.STALL), times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.get(sim.rest_url + "/x", timeout=0.1)
    sim.faults.break_rest(RestFault("/big", ending=Ending.HALF), times=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        requests.get(sim.rest_url + "/big", headers={"Accept-Encoding": ""}, timeout=5)


def test_a_reply_can_be_late(sim):
    sim.faults.break_rest(RestFault("/x", delay_s=0.2), times=1)
    assert requests.get(sim.rest_url + "/x", timeout=5).elapsed.total_seconds() >= 0.2


def test_handshakes_can_be_refused(sim):
    sim.faults.refuse_handshakes(Refusal(418, headers={"Retry-After": "3"}), times=1)
    with pytest.raises(websocket.WebSocketBadStatusException, match="418"):
        websocket.create_connection(sim.ws_url + "/ws", timeout=5)
    with connect(sim, "/ws"):
        pass


def test_silenced_streams_are_acknowledged_and_send_nothing(sim):
    sim.faults.silence("*@kline_1m")
    with connect(sim, "/ws/btcusdt@kline_1m") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.step(100)
        sim.faults.silence()
        sim.step(100)
        assert client.recv() == '{"n":10002}'


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


def test_anything_can_be_published_on_a_stream(sim):
    with connect(sim, "/ws/btcusdt@kline_1m") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.send("btcusdt@kline_1m", b"{broken")
        assert client.recv() == "{broken"


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
