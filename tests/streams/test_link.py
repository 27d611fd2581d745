"""One life of a WebSocket, on an exchange of a few lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from json import dumps
from time import monotonic

import pytest

from bpx.errors import Loss
from bpx.simulator.faults import Misanswer, Refusal
from bpx.simulator.limits import LIMITS
from bpx.simulator.simulator import Simulator
from bpx.streams.audience import Audience
from bpx.streams.link import Ended, Happening, Link, Opened
from bpx.streams.tap import Tap
from bpx.streams.voice import Place
from bpx.streams.wire import Wire
from tests.runtime import ThreadRuntime
from tests.simulator.tiny_venue import TinyVenue
from tests.streams.moved import MovedTime
from tests.waiting import eventually

KLINE, DEPTH = "btcusdt@kline_1m", "btcusdt@depth20@100ms"
WIRE = Wire(handshake_timeout_s=10.0, alive_s=5.0, pong_timeout_s=10.0)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(TinyVenue(), paused=True) as simulator:
        yield simulator


@dataclass
class Living:
    """A link, and what it has told."""

    link: Link
    audience: Audience
    told: list[Happening] = field(default_factory=list)
    consents: list[list[str]] = field(default_factory=list)
    misses: list[float] = field(default_factory=list)

    @property
    def lost(self):
        ends = [one for one in self.told if isinstance(one, Ended)]
        return ends[0].lost if ends else None


@contextmanager
def living(
    sim: Simulator, *taps: Tap, wire: Wire = WIRE, runtime: ThreadRuntime | None = None
) -> Iterator[Living]:
    runtime, audience = runtime or ThreadRuntime(), Audience()
    told, consents, misses = [], [], []
    for tap in taps:
        audience.add(tap)
    place = Place("spot", "", sim.ws_url + "/stream", 20, wire, runtime)
    link = Link(
        place,
        audience,
        {},
        told.append,
        lambda _, names, at: consents.append(names),
        lambda _, at: misses.append(at),
    )
    runtime.spawn(link.live)
    try:
        yield Living(link, audience, told, consents, misses)
    finally:
        link.close()
        for thread in runtime.threads:
            thread.join(20)
            assert not thread.is_alive()


def tap_of(*streams: str) -> Tap:
    return Tap("spot", streams, 100)


def test_it_opens_subscribes_what_somebody_hears_and_delivers(sim):
    tap = tap_of(KLINE, DEPTH)
    with living(sim, tap) as here:
        eventually(lambda: here.consents == [[KLINE, DEPTH]])
        assert here.told == [Opened(here.link)]
        assert here.link.is_open
        sim.step(100)
        eventually(lambda: set(here.link.subscriptions.delivered) == {KLINE, DEPTH})
        assert {tap.next(10).payload, tap.next(10).payload} == {b'{"n":10001}'}
        assert tap.subscribed_at is None  # which link counts is for others to say


def test_what_nobody_hears_is_delivered_to_nobody(sim):
    tap = tap_of(KLINE)
    with living(sim, tap) as here:
        eventually(lambda: here.consents == [[KLINE]])
        here.audience.remove(tap)
        sim.step(100)
        eventually(lambda: here.link.pulse.line.alive_until > 0)
        assert tap.next(0.1) is None
        assert here.link.subscriptions.delivered == {}


def test_what_is_left_over_of_a_subscription_is_not_heard_by_who_asks_for_the_stream_anew(sim):
    first, late, other = tap_of(KLINE), tap_of(KLINE), tap_of(DEPTH)
    with living(sim, first, other) as here:
        eventually(lambda: here.consents == [[KLINE, DEPTH]])
        sim.faults.answer_control(Misanswer(lambda id_: []))  # it does not get there
        here.audience.remove(first)
        here.link.wake()
        eventually(lambda: '"UNSUBSCRIBE"' in sim.control_messages[-1])
        here.audience.add(late)
        sim.step(100)
        assert other.next(10).payload == b'{"n":10001}'
        assert late.next(0.01) is None
        assert set(here.link.subscriptions.delivered) == {DEPTH}


def test_closing_it_sends_a_close_frame_and_nothing_is_heard_any_more(sim):
    with living(sim, tap_of(KLINE)) as here:
        eventually(lambda: here.consents == [[KLINE]])
        here.link.close()
        eventually(lambda: list(sim.endings) == [1000])
        eventually(lambda: here.lost is not None)
        assert not here.link.is_open
        assert here.link.pulse.line.alive_until == 0.0


def test_what_a_retired_link_still_brings_is_not_heard_though_it_is_not_closed_yet(sim):
    tap = tap_of(KLINE)
    with living(sim, tap) as here:
        eventually(lambda: here.consents == [[KLINE]])
        here.link.retire()
        assert not here.link.is_open
        assert here.link.pulse.line.alive_until == 0.0
        sim.step(100)
        eventually(lambda: here.lost is not None)
        assert tap.next(0.01) is None


def test_a_link_that_is_closed_before_it_is_open_never_opens(sim):
    sim.faults.black_hole()
    with living(sim) as here:
        here.link.close()
        sim.faults.black_hole(False)
        eventually(lambda: here.lost is not None)
        assert [type(one) for one in here.told] == [Ended]
        eventually(lambda: sim.connections == [])


@pytest.mark.parametrize(
    ("code", "loss", "is_complete"),
    [(1000, Loss.CLOSED, True), (1001, Loss.CLOSED, True), (1008, Loss.LOST, False),
     (None, Loss.LOST, False)],
)  # fmt: skip
def test_its_end_has_a_kind_and_only_an_orderly_one_proves_that_nothing_is_missing(
    sim, code, loss, is_complete
):
    with living(sim, tap_of(KLINE)) as here:
        eventually(lambda: here.consents == [[KLINE]])
        sim.drop_connections(code, "bye")
        eventually(lambda: here.lost is not None)
        assert here.lost.loss is loss
        assert (here.link.pulse.complete_until > 0) is is_complete
        assert not here.link.is_open


def test_a_handshake_that_is_refused_ends_it(sim):
    sim.faults.refuse_handshakes(Refusal(418, headers={"Retry-After": "7"}))
    with living(sim) as here:
        eventually(lambda: here.lost is not None)
        assert (here.lost.loss, here.lost.retry_after_s) == (Loss.BANNED, 7.0)
        assert here.link.opened_at is None


def test_silence_ends_it(sim):
    time = MovedTime()
    wire = replace(WIRE, alive_s=100.0, pong_timeout_s=200.0)
    with living(sim, wire=wire, runtime=time) as here:
        eventually(lambda: here.link.is_open)
        sim.faults.black_hole()
        time.ahead_s += 150.0
        eventually(lambda: here.link.pulse._unanswered != {})  # it was looked at, and pinged
        assert here.lost is None
        time.ahead_s += 1000.0
        eventually(lambda: here.lost is not None)
        assert here.lost.loss is Loss.LOST
        sim.faults.black_hole(False)


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_shutdown_notice_is_noted_and_is_no_message_of_a_market(sim, is_wrapped):
    notice = {"e": "serverShutdown", "E": 1}
    text = dumps({"stream": "!serverShutdown", "data": notice} if is_wrapped else notice).encode()
    with living(sim, tap_of(KLINE)) as here:
        eventually(lambda: here.consents == [[KLINE]])
        sim.call(lambda: [one.send(text) for one in sim._server.streams._open])
        eventually(lambda: here.link.is_warned)
        assert here.link.is_open
        assert here.link.subscriptions.delivered == {}


@pytest.mark.parametrize(
    ("nonsense", "misses"), [(b"[nonsense", 1), (b"\xff\x00", 1), (b'{"e":"surprise"}', 0)]
)
def test_nonsense_ends_nothing_and_it_is_told_if_a_stream_may_have_missed_it(sim, nonsense, misses):
    tap = tap_of(KLINE)
    with living(sim, tap) as here:
        eventually(lambda: here.consents == [[KLINE]])
        before = monotonic()
        sim.call(lambda: [one.send(nonsense) for one in sim._server.streams._open])
        sim.step(100)
        assert tap.next(10).payload == b'{"n":10001}'
        assert here.link.is_open
        assert len(here.misses) == misses
        assert all(before < at < monotonic() for at in here.misses)


def test_it_proves_on_demand_that_nothing_is_missing():
    patient = replace(LIMITS["spot"], messages_per_s=100)
    wire = replace(WIRE, alive_s=600.0, ping_interval_s=600.0)  # of itself it does not for long
    with Simulator(TinyVenue(), paused=True, limits=patient) as sim, living(sim, wire=wire) as here:
        eventually(lambda: here.link.is_open)
        at = here.link.opened_at
        here.link.prove(at)
        eventually(lambda: here.link.pulse.complete_until >= at)


def test_what_was_held_back_is_not_taken_for_life_before_a_ping_of_afterwards_is_answered():
    patient = replace(LIMITS["spot"], messages_per_s=100)
    time = MovedTime()
    wire = replace(WIRE, alive_s=100.0, pong_timeout_s=1000.0)
    tap = tap_of(KLINE)
    with (
        Simulator(TinyVenue(), paused=True, limits=patient) as sim,
        living(sim, tap, wire=wire, runtime=time) as here,
    ):
        eventually(lambda: here.consents == [[KLINE]])
        line = here.link.pulse.line
        sim.faults.black_hole()
        time.ahead_s += 200.0
        eventually(lambda: line.alive_until < time.now())
        died_at = line.alive_until
        sim.faults.black_hole(False)
        eventually(lambda: line.alive_until > time.now())
        assert here.link.pulse.complete_until > died_at
