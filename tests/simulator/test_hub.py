"""Who gets which message, over real connections."""

import pytest

from bpx.simulator.faults import Misanswer
from tests.simulator.clients import connect
from tests.waiting import eventually


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


def test_what_is_altered_is_sent_in_its_place_and_is_no_message_of_the_stream(sim):
    with connect(sim, "/ws/btcusdt@kline_1m") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.step(100)
        assert client.recv() == '{"n":10001}'
        sim.faults.alter("*", lambda good: [b"1", b"2"])
        sim.step(100)
        assert [client.recv(), client.recv()] == ["1", "2"]
        assert sim.last_sent("btcusdt@kline_1m").payload == b'{"n":10001}'


@pytest.mark.parametrize("is_obeyed", [True, False])
def test_control_messages_may_be_answered_wrongly(sim, is_obeyed):
    answer = Misanswer(lambda id_: [b"%d" % (id_ + 1)], is_obeyed=is_obeyed, delay_s=0.01)
    sim.faults.answer_control(answer)
    with connect(sim, "/ws") as client:
        client.send('{"method":"SUBSCRIBE","params":["btcusdt@kline_1m"],"id":7}')
        assert client.recv() == "8"
        assert sim.venue.subscribed == (["btcusdt@kline_1m"] if is_obeyed else [])


def test_silenced_streams_are_acknowledged_and_send_nothing(sim):
    sim.faults.silence("*@kline_1m")
    with connect(sim, "/ws/btcusdt@kline_1m") as client:
        eventually(lambda: len(sim.connections) == 1)
        sim.step(100)
        sim.faults.silence()
        sim.step(100)
        assert client.recv() == '{"n":10002}'
