from prometheus_client import REGISTRY

from bpx.streams.tap import Arrival, Tap

STREAMS = ("btcusdt@ticker", "btcusdt@bookTicker")


def overflows():
    return REGISTRY.get_sample_value("bpx_queue_overflows_total", {"market": "tap test"}) or 0.0


def test_messages_come_in_order_with_when_they_were_read():
    tap = Tap("tap test", STREAMS, most_messages=10)
    tap.put("btcusdt@ticker", b"{}", at=1.0)
    tap.put("btcusdt@bookTicker", b"[]", at=2.0)
    assert tap.next(0.0) == Arrival("btcusdt@ticker", b"{}", 1.0, 0)
    assert tap.next(0.0) == Arrival("btcusdt@bookTicker", b"[]", 2.0, 0)


def test_waiting_for_a_message_ends_in_time():
    assert Tap("tap test", STREAMS, most_messages=10).next(0.01) is None


def test_one_message_too_many_is_dropped_and_begins_a_generation():
    tap, before = Tap("tap test", STREAMS, most_messages=2), overflows()
    for payload in (b"1", b"2", b"3"):
        tap.put("btcusdt@ticker", payload, at=1.0)
    assert tap.generation == 1
    assert overflows() == before + 1
    assert [tap.next(0.0).payload, tap.next(0.0).payload] == [b"1", b"2"]
    assert tap.next(0.0) is None


def test_what_comes_after_a_loss_is_of_the_new_generation():
    tap = Tap("tap test", STREAMS, most_messages=1)
    tap.put("btcusdt@ticker", b"1", at=1.0)
    tap.put("btcusdt@ticker", b"2", at=1.0)
    assert tap.next(0.0).generation == 0
    tap.put("btcusdt@ticker", b"3", at=1.0)
    assert tap.next(0.0) == Arrival("btcusdt@ticker", b"3", 1.0, 1)


def test_an_event_is_never_dropped():
    tap = Tap("tap test", STREAMS, most_messages=1)
    tap.put("btcusdt@ticker", b"1", at=1.0)
    tap.tell("reply")
    assert tap.generation == 0
    assert tap.next(0.0).payload == b"1"
    assert tap.next(0.0) == "reply"


def test_it_is_subscribed_when_all_its_streams_are():
    tap = Tap("tap test", STREAMS, most_messages=1)
    tap.acknowledge("btcusdt@ticker", at=1.0)
    tap.acknowledge("btcusdt@ticker", at=2.0)
    assert tap.subscribed_at is None
    tap.acknowledge("btcusdt@bookTicker", at=3.0)
    assert tap.subscribed_at == 3.0
    tap.acknowledge("btcusdt@bookTicker", at=4.0)
    assert tap.subscribed_at == 3.0


def test_a_break_undoes_the_subscription_and_begins_a_generation():
    tap = Tap("tap test", STREAMS, most_messages=1)
    for stream in STREAMS:
        tap.acknowledge(stream, at=1.0)
    tap.break_off()
    assert (tap.generation, tap.subscribed_at) == (1, None)
    tap.acknowledge("btcusdt@ticker", at=2.0)
    assert tap.subscribed_at is None


def test_an_overflow_leaves_the_subscription():
    tap = Tap("tap test", ("x",), most_messages=0)
    tap.acknowledge("x", at=1.0)
    tap.put("x", b"1", at=2.0)
    assert (tap.generation, tap.subscribed_at) == (1, 1.0)


def test_a_line_is_dead_until_it_is_said_to_live():
    assert Tap("tap test", STREAMS, most_messages=1).line.alive_until == 0.0
