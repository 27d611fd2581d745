"""The stream connections of a market: which are opened, and when."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from bpx.exchange.futures import FUTURES
from bpx.exchange.spot import SPOT
from bpx.simulator.simulator import Simulator
from bpx.streams.connects import Connects
from bpx.streams.states import State
from bpx.streams.streams import Streams
from bpx.streams.wire import Wire
from tests.runtime import ThreadRuntime
from tests.simulator.tiny_venue import TinyVenue
from tests.waiting import eventually

KLINE, DEPTH, BEST = "btcusdt@kline_1m", "btcusdt@depth20@100ms", "btcusdt@bookTicker"
QUICK = Wire(handshake_timeout_s=10.0, reconnect_delay_s=0.01, max_reconnect_delay_s=0.05)


class SlowTime(ThreadRuntime):
    """Ten seconds are one: no machine is too busy for what is to happen in one of them."""

    def now(self) -> float:
        return monotonic() / 10


@contextmanager
def running(
    sim: Simulator,
    connects: Connects | None = None,
    hold_s: Callable[[], float] = lambda: 0.0,
    runtime: ThreadRuntime | None = None,
) -> Iterator[Streams]:
    """Give streams, and see to it that they end with all their threads."""
    runtime = runtime or ThreadRuntime()
    market = {"spot": SPOT, "futures": FUTURES}[sim.venue.market]
    streams = Streams(market, sim.ws_url, QUICK, runtime, connects, hold_s)
    try:
        yield streams
    finally:
        streams.close()
        for thread in runtime.threads:
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(TinyVenue(), paused=True) as simulator:
        yield simulator


def subscribed(sim: Simulator) -> list[str]:
    return sorted(name for one in sim.connections for name in one.streams)


def names(first: int, count: int) -> tuple[str, ...]:
    return tuple(f"s{number}@ticker" for number in range(first, first + count))


def test_nothing_is_opened_before_somebody_listens(sim):
    with running(sim):
        assert sim.connects == 0


def test_all_streams_of_a_route_share_a_connection(sim):
    with running(sim) as streams:
        taps = [streams.listen("", (name,)) for name in (KLINE, DEPTH, BEST)]
        eventually(lambda: subscribed(sim) == sorted([KLINE, DEPTH, BEST]))
        sim.step(100)
        assert [tap.next(10).stream for tap in taps] == [KLINE, DEPTH, BEST]
        assert sim.connects == 1


def test_each_route_of_futures_has_a_connection_of_its_own():
    with Simulator(TinyVenue("futures"), paused=True) as sim, running(sim) as streams:
        best = streams.listen("/public", (BEST,))
        kline = streams.listen("/market", (KLINE,))
        streams.listen("/market", ("ethusdt@ticker",))
        eventually(lambda: len(subscribed(sim)) == 3)
        routes = {one.route: sorted(one.streams) for one in sim.connections}
        assert routes == {"public": [BEST], "market": [KLINE, "ethusdt@ticker"]}
        sim.step(100)
        assert (best.next(10).stream, kline.next(10).stream) == (BEST, KLINE)


def test_a_connection_carries_no_more_than_1024_streams(sim):
    with running(sim) as streams:
        for first in range(0, 1200, 200):
            streams.listen("", names(first, 200))
        eventually(lambda: len(subscribed(sim)) == 1200, within_s=20)
        assert sorted(len(one.streams) for one in sim.connections) == [200, 1000]
        streams.listen("", names(1200, 24))  # fits into the first
        eventually(lambda: len(subscribed(sim)) == 1224)
        assert sorted(len(one.streams) for one in sim.connections) == [200, 1024]


def test_the_streams_of_one_tap_are_never_torn_apart(sim):
    with running(sim) as streams:
        streams.listen("", names(0, 1023))
        streams.listen("", (KLINE, BEST))
        eventually(lambda: len(sim.connections) == 2)
        eventually(lambda: [KLINE, BEST] in [list(one.streams) for one in sim.connections])


def test_who_leaves_is_unsubscribed_and_hears_nothing(sim):
    with running(sim) as streams:
        gone, stays = streams.listen("", (KLINE,)), streams.listen("", (DEPTH,))
        eventually(lambda: len(subscribed(sim)) == 2)
        streams.leave(gone)
        streams.leave(gone)  # once more changes nothing
        eventually(lambda: subscribed(sim) == [DEPTH])
        sim.step(100)
        assert stays.next(10).payload == b'{"n":10001}'
        assert gone.next(0.01) is None


def test_a_dead_stream_is_subscribed_anew(sim):
    with running(sim) as streams:
        tap = streams.listen("", (KLINE,))
        eventually(lambda: tap.subscribed_at is not None)
        sim.control_messages.clear()
        streams.renew(tap)
        eventually(lambda: tap.subscribed_at is not None)
        assert [text.split('"')[3] for text in sim.control_messages] == ["UNSUBSCRIBE", "SUBSCRIBE"]


def test_who_came_to_a_connection_as_it_closed_is_carried_by_another(sim):
    with running(sim) as streams:
        tap = streams.listen("", (KLINE,))
        eventually(lambda: tap.subscribed_at is not None)
        streams._carriers[tap].close()
        eventually(lambda: sim.connects == 2)
        eventually(lambda: subscribed(sim) == [KLINE])
        eventually(lambda: len(sim.connections) == 1)
        eventually(lambda: tap.subscribed_at is not None)  # by the other
        assert tap.generation >= 1  # it may have missed something
        sim.step(100)
        assert tap.next(10).payload == b'{"n":10001}'


def test_what_a_closed_connection_still_brings_is_not_heard_by_who_was_adopted(sim):
    with running(sim) as streams:
        tap = streams.listen("", (KLINE,))
        eventually(lambda: tap.subscribed_at is not None)
        carrier = streams._carriers[tap]
        carrier._on_closed = lambda closed: None  # as if it had died of a bug
        carrier.close()
        eventually(lambda: streams.is_lost(tap))
        streams._connections[""].remove(carrier)
        streams.adopt(tap)
        assert tap not in carrier._carriage.audience.all()


def test_a_lost_connection_comes_back_by_itself_and_only_once(sim):
    with running(sim) as streams:
        tap = streams.listen("", (KLINE,))
        for round_ in range(1, 6):
            eventually(lambda: subscribed(sim) == [KLINE])
            assert tap.generation == round_ - 1
            sim.drop_connections()
            eventually(lambda n=round_: sim.connects == n + 1)
            eventually(lambda n=round_: tap.generation == n)
        eventually(lambda: subscribed(sim) == [KLINE])
        assert len(sim.connections) == 1


def test_closing_ends_every_connection_for_good_though_somebody_listens(sim):
    with running(sim) as streams:
        streams.listen("", (KLINE,))
        eventually(lambda: subscribed(sim) == [KLINE])
    eventually(lambda: sim.connections == [])
    assert sim.connects == 1


def test_closing_says_good_bye(sim):
    with running(sim, runtime=SlowTime()) as streams:
        tap = streams.listen("", (KLINE,))
        eventually(lambda: tap.subscribed_at is not None)
        streams.close()
        assert streams.report(0.0) == ()  # when it returns all is over
        eventually(lambda: list(sim.endings) == [1000])


def test_it_reports_how_every_connection_is():
    with Simulator(TinyVenue("futures"), paused=True) as sim, running(sim) as streams:
        began = monotonic()
        streams.listen("/public", (BEST,))
        streams.listen("/market", (KLINE, "ethusdt@ticker"))
        eventually(lambda: len(subscribed(sim)) == 3)
        eventually(lambda: {one.state for one in streams.report(0.0)} == {"open"})
        best, kline = streams.report(monotonic())
        assert (best.route, best.state, best.streams) == ("/public", "open", 1)
        assert (kline.route, kline.state, kline.streams) == ("/market", "open", 2)
        assert (kline.failures, kline.last_loss) == (0, None)
        assert 0 < kline.age_s < monotonic() - began
        sim.drop_connections(1000, "bye")
        eventually(lambda: streams.report(monotonic())[0].last_loss is not None)
        assert streams.report(monotonic())[0].last_loss.startswith("closed: ")


def test_all_connections_of_a_process_share_the_places_for_attempts(sim):
    with Simulator(TinyVenue("futures"), paused=True) as other:
        connects = Connects(most=2, window_s=300.0)
        with running(sim, connects) as spot, running(other, connects) as futures:
            spot.listen("", (KLINE,))
            futures.listen("/market", (KLINE,))
            eventually(lambda: (sim.connects, other.connects) == (1, 1))
            late = futures.listen("/public", (BEST,))
            sim.drop_connections()
            states = [*spot.report(0.0), *futures.report(0.0)]
            eventually(lambda: spot.report(0.0)[0].state == "waiting")
            assert states[2].state == "waiting"
            assert (sim.connects, other.connects, late.subscribed_at) == (1, 1, None)


def test_nobody_connects_during_a_ban_of_requests(sim):
    hold_s = [60.0]
    with running(sim, hold_s=lambda: hold_s[0]) as streams:
        tap = streams.listen("", (KLINE,))
        began = monotonic()
        eventually(lambda: monotonic() - began > 0.4)
        assert sim.connects == 0
        hold_s[0] = 0.0
        eventually(lambda: tap.subscribed_at is not None)


def test_a_tap_without_a_carrier_is_found_and_adopted(sim):
    with running(sim) as streams:
        tap = streams.listen("", (KLINE,))
        eventually(lambda: tap.subscribed_at is not None)
        assert (streams.taps(), streams.is_lost(tap)) == ([tap], False)
        carrier = streams._carriers[tap]
        carrier._on_closed = lambda closed: None  # as if it had died of a bug
        carrier.close()
        eventually(lambda: carrier.state is State.CLOSED)
        streams._connections[""].remove(carrier)
        assert (streams.taps(), streams.is_lost(tap)) == ([tap], True)
        streams.adopt(tap)
        streams.adopt(tap)  # once is enough
        assert tap.generation == 1
        eventually(lambda: tap.subscribed_at is not None)
        assert len(streams.report(0.0)) == 1
        streams.leave(tap)
        assert (streams.taps(), streams.is_lost(tap)) == ([], False)


def test_a_bug_in_a_connection_costs_no_tap_its_carrier(sim, caplog):
    bugs = [ZeroDivisionError("a bug")]

    def hold_s() -> float:
        if bugs:
            raise bugs.pop()
        return 0.0

    with running(sim, hold_s=hold_s) as streams:
        tap = streams.listen("", (KLINE,))
        eventually(lambda: tap.subscribed_at is not None)
        assert len(streams.report(0.0)) == 1
    assert "keeping failed" in caplog.text
