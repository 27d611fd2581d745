"""One connection to an exchange of a few lines, over a real socket, in threads."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from json import loads
from time import monotonic, sleep

import pytest

from bpx import metrics
from bpx.simulator.faults import Misanswer, Refusal
from bpx.simulator.limits import LIMITS, Limits
from bpx.simulator.simulator import Simulator
from bpx.streams.connection import MOST_STREAMS, Connection
from bpx.streams.connects import Connects, Gate
from bpx.streams.states import State
from bpx.streams.subscriptions import RETRY_S
from bpx.streams.tap import Tap
from bpx.streams.voice import Place
from bpx.streams.wire import Wire
from tests.runtime import ThreadRuntime
from tests.simulator.tiny_venue import TinyVenue
from tests.streams.moved import MovedTime
from tests.waiting import eventually

SPOT = LIMITS["spot"]
KLINE, DEPTH, BEST = "btcusdt@kline_1m", "btcusdt@depth20@100ms", "btcusdt@bookTicker"
# Quick where something is to happen, and slow where nothing may: a machine can be busy for seconds.
QUICK = Wire(
    handshake_timeout_s=10.0,
    ping_interval_s=30.0,
    pong_timeout_s=10.0,
    alive_s=5.0,
    reconnect_delay_s=0.01,
    max_reconnect_delay_s=0.05,
)
# For time that a test moves: without such a move nothing of this is ever over.
PATIENT = replace(QUICK, alive_s=100.0, pong_timeout_s=1000.0, ping_interval_s=10_000.0)


class HastyRuntime(ThreadRuntime):
    """A minute passes in a second."""

    def now(self) -> float:
        return monotonic() * 60

    def sleep(self, seconds: float) -> None:
        sleep(seconds / 60)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(TinyVenue(), paused=True) as simulator:
        yield simulator


@contextmanager
def connected(
    sim: Simulator,
    wire: Wire = QUICK,
    *,
    control_per_s: int = 20,
    runtime: ThreadRuntime | None = None,
    on_closed: Callable[[Connection], None] = lambda _: None,
    hold_s: Callable[[], float] = lambda: 0.0,
) -> Iterator[Connection]:
    """Start a connection, and see to it that it ends with all its threads."""
    runtime = runtime or ThreadRuntime()
    place = Place("spot", "", sim.ws_url + "/stream", control_per_s, wire, runtime)
    connection = Connection(place, Gate(Connects(10_000), hold_s), on_closed)
    connection.start()
    try:
        yield connection
    finally:
        connection.close()
        for thread in runtime.threads:
            thread.join(20)
            assert not thread.is_alive()


def transitions(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the connection has gone through, without the reasons."""
    lines = [row.getMessage() for row in caplog.records if row.name == "bpx.streams.states"]
    return [line.split(": ")[1].split(" (")[0] for line in lines]


def tap_of(*streams: str, most_messages: int = 1000) -> Tap:
    return Tap("spot", streams, most_messages)


def names(count: int, first: int = 0) -> list[str]:
    return [f"s{number}@ticker" for number in range(first, first + count)]


def asked(sim: Simulator) -> list[tuple[str, list[str]]]:
    messages = [loads(text) for text in sim.control_messages]
    return [(message["method"], message["params"]) for message in messages]


def subscribed(sim: Simulator) -> set[str]:
    return {name for one in sim.connections for name in one.streams}


def heard(tap: Tap, count: int) -> list[bytes]:
    arrivals = [tap.next(10) for _ in range(count)]
    return [arrival.payload for arrival in arrivals]


# What it carries


def test_a_tap_hears_its_streams_in_order_and_bare(sim):
    with connected(sim) as connection:
        tap, other = tap_of(KLINE, BEST), tap_of(DEPTH)
        connection.add(tap)
        connection.add(other)
        eventually(lambda: subscribed(sim) == {KLINE, BEST, DEPTH})
        sim.step(200)
        arrivals = [tap.next(10) for _ in range(4)]
        assert sorted((a.stream, a.payload) for a in arrivals) == [
            (BEST, b'{"n":10001}'), (BEST, b'{"n":10002}'),
            (KLINE, b'{"n":10001}'), (KLINE, b'{"n":10002}'),
        ]  # fmt: skip
        assert {arrival.generation for arrival in arrivals} == {0}
        assert heard(other, 2) == [b'{"n":10001}', b'{"n":10002}']


def test_a_tap_knows_since_when_all_its_streams_are_subscribed(sim):
    with connected(sim) as connection:
        tap = tap_of(KLINE, BEST)
        began = monotonic()
        sim.faults.black_hole()  # nothing is acknowledged
        connection.add(tap)
        assert tap.subscribed_at is None
        sim.faults.black_hole(False)
        eventually(lambda: tap.subscribed_at is not None)
        assert began <= tap.subscribed_at <= monotonic()


def test_a_stream_that_two_listen_to_is_subscribed_once(sim):
    with connected(sim) as connection:
        first, second = tap_of(KLINE), tap_of(KLINE)
        connection.add(first)
        eventually(lambda: first.subscribed_at is not None)
        connection.add(second)
        assert second.subscribed_at is not None
        sim.step(100)
        assert heard(first, 1) == heard(second, 1) == [b'{"n":10001}']
        assert asked(sim) == [("SUBSCRIBE", [KLINE])]


def test_a_stream_that_nobody_hears_any_more_is_unsubscribed(sim):
    with connected(sim) as connection:
        first, second = tap_of(KLINE), tap_of(KLINE, BEST)
        connection.add(first)
        connection.add(second)
        eventually(lambda: subscribed(sim) == {KLINE, BEST})
        connection.remove(second)
        eventually(lambda: subscribed(sim) == {KLINE})
        sim.step(100)
        assert heard(first, 1) == [b'{"n":10001}']
        assert second.next(0.01) is None
        connection.remove(first)
        eventually(lambda: subscribed(sim) == set())


def test_streams_are_subscribed_in_batches_of_200_and_slowly_enough(sim):
    with connected(sim, control_per_s=4) as connection:
        eventually(lambda: connection.state is State.OPEN)
        began = monotonic()
        connection.add(tap_of(*names(450)))
        eventually(lambda: len(subscribed(sim)) == 450)
        assert monotonic() - began >= 2 / 4
        assert [len(streams) for _, streams in asked(sim)] == [200, 200, 50]
        assert [name for _, streams in asked(sim) for name in streams] == names(450)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_changes_one_by_one_stay_within_what_binance_takes(market):
    control_per_s = {"spot": 4, "futures": 9}[market]
    with (
        Simulator(TinyVenue(), paused=True, limits=LIMITS[market]) as sim,
        connected(sim, control_per_s=control_per_s) as connection,
    ):
        eventually(lambda: connection.state is State.OPEN)
        began, number = monotonic(), 0
        while monotonic() - began < 1.1:
            connection.add(tap_of(f"s{number}@ticker"))
            number += 1
            sleep(0.01)
        said = len(sim.control_messages)
        assert said <= control_per_s * (monotonic() - began) + 1
        eventually(lambda: len(subscribed(sim)) == number)
        assert sim.connects == 1  # who sends too much is cut off


def test_it_has_room_for_1024_streams(sim):
    with connected(sim) as connection:
        assert connection.room == MOST_STREAMS == 1024
        connection.add(tap_of(*names(1000)))
        assert connection.room == 24
        connection.add(tap_of(*names(1000)))  # the same ones
        assert connection.room == 24
    assert connection.room == 0


def test_a_dead_stream_is_unsubscribed_and_subscribed_anew(sim):
    with connected(sim) as connection:
        tap, other = tap_of(KLINE), tap_of(BEST)
        connection.add(tap)
        connection.add(other)
        eventually(lambda: None not in (tap.subscribed_at, other.subscribed_at))
        sim.faults.black_hole()  # nothing is acknowledged
        connection.renew(tap)
        assert (tap.generation, tap.subscribed_at, other.generation) == (1, None, 0)
        sim.faults.black_hole(False)
        eventually(lambda: tap.subscribed_at is not None)
        assert asked(sim)[-2:] == [("UNSUBSCRIBE", [KLINE]), ("SUBSCRIBE", [KLINE])]
        assert sim.connects == 1


def test_a_queue_that_is_full_breaks_its_tap_and_no_other(sim):
    with connected(sim) as connection:
        slow, quick = tap_of(KLINE, most_messages=10), tap_of(KLINE)
        connection.add(slow)
        connection.add(quick)
        eventually(lambda: subscribed(sim) == {KLINE})
        sim.step(2_000)
        eventually(lambda: slow.generation > 0)
        assert len(heard(quick, 20)) == 20
        assert quick.generation == 0


# States


def test_it_connects_stays_open_and_says_when_it_is_closed_for_good(sim):
    closed = []
    with connected(sim, on_closed=closed.append) as connection:
        eventually(lambda: connection.state is State.OPEN)
        eventually(lambda: len(sim.connections) == 1)
    assert connection.state is State.CLOSED
    assert closed == [connection]
    eventually(lambda: sim.connections == [])


def test_a_life_is_a_row_of_states_that_is_logged(sim, caplog):
    caplog.set_level("INFO")
    with connected(sim) as connection:
        eventually(lambda: connection.state is State.OPEN)
        sim.drop_connections()
        eventually(lambda: sim.connects == 2 and connection.state is State.OPEN)
    assert transitions(caplog) == [
        "waiting -> connecting", "connecting -> open", "open -> waiting",
        "waiting -> connecting", "connecting -> open", "open -> closed",
    ]  # fmt: skip


def test_so_many_failures_in_a_row_are_called_failing_and_it_goes_on_trying(sim):
    attempts = metrics.STREAM_CONNECTS.labels("spot")._value.get
    sim.faults.refuse_handshakes(Refusal(503))
    with connected(sim, replace(QUICK, max_reconnects=3)) as connection:
        connection.add(tap_of(KLINE))
        eventually(lambda: connection.state is State.FAILING)
        report, before = connection.report(monotonic()), attempts()
        assert (report.state, report.streams, report.age_s) == ("failing", 1, 0.0)
        assert report.failures >= 3
        assert report.last_loss.startswith("refused: ")
        eventually(lambda: attempts() >= before + 3)
        sim.faults.clear()
        eventually(lambda: connection.state is State.OPEN)


def test_short_lives_in_a_row_are_failures_too_and_a_stable_one_ends_the_row(sim):
    wire = replace(PATIENT, max_reconnects=2, stable_s=50.0)
    time = MovedTime()
    with connected(sim, wire, runtime=time) as connection:
        for connects in (1, 2):
            eventually(lambda n=connects: sim.connects == n and len(sim.connections) == 1)
            sim.drop_connections()
        eventually(lambda: sim.connects == 3 and connection.state is State.OPEN)
        assert connection.report(time.now()).failures == 2
        time.ahead_s += wire.stable_s
        eventually(lambda: connection.report(time.now()).failures == 0)


def test_nobody_connects_while_the_exchange_wants_no_requests_and_who_is_open_stays(sim):
    hold_s = [60.0]
    with connected(sim, hold_s=lambda: hold_s[0]) as connection:
        began = monotonic()
        eventually(lambda: monotonic() - began > 0.6)
        assert (connection.state, sim.connects) == (State.WAITING, 0)
        hold_s[0] = 0.0
        eventually(lambda: connection.state is State.OPEN)
        hold_s[0] = 60.0
        began = monotonic()
        eventually(lambda: monotonic() - began > 0.3)
        assert (connection.state, len(sim.connections)) == (State.OPEN, 1)


def test_a_ban_is_waited_out(sim):
    sim.faults.refuse_handshakes(Refusal(418, headers={"Retry-After": "1"}), times=1)
    began = monotonic()
    with connected(sim) as connection:
        eventually(lambda: connection.state is State.WAITING and connection.report(0.0).failures)
        eventually(lambda: sim.connects == 1)
        assert monotonic() - began > 1.0


# Replacement


def test_an_old_link_is_replaced_without_a_break(sim, caplog):
    caplog.set_level("INFO")
    with connected(sim, replace(QUICK, max_age_s=0.6)) as connection:
        taps = [tap_of(KLINE, BEST), tap_of(DEPTH)]
        for tap in taps:
            connection.add(tap)
        eventually(lambda: all(tap.subscribed_at is not None for tap in taps))
        for _ in range(3):
            sim.step(100)
            before = sim.connects
            eventually(lambda n=before: sim.connects > n)
            eventually(lambda: len(sim.connections) == 1)
            assert subscribed(sim) == {KLINE, BEST, DEPTH}
        sim.step(100)
        numbers: set[int] = set()
        while numbers != {10001, 10002, 10003, 10004}:  # some of them twice, by both links
            numbers.add(json.loads(taps[1].next(10).payload)["n"])
        assert [tap.generation for tap in taps] == [0, 0]
        eventually(lambda: all(tap.line.alive_until > monotonic() for tap in taps))
    assert set(transitions(caplog)[2:-1]) == {"open -> replacing", "replacing -> open"}
    assert set(sim.endings) == {1000}


def test_while_it_is_replaced_both_links_deliver_and_the_old_one_goes_last(sim):
    with connected(sim) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        sim.faults.answer_control(Misanswer(lambda id_: [], is_obeyed=True))  # no word of consent
        sim.shutdown_notice()
        eventually(lambda: [len(one.streams) for one in sim.connections] == [1, 1])
        assert connection.state is State.REPLACING
        sim.step(100)
        assert heard(tap, 2) == [b'{"n":10001}'] * 2


def test_what_the_successor_does_not_deliver_in_time_is_broken_off_and_nothing_else(sim):
    time = MovedTime()
    with connected(sim, replace(PATIENT, overlap_s=50.0), runtime=time) as connection:
        silent, other = tap_of(KLINE), tap_of(DEPTH)
        connection.add(silent)
        connection.add(other)
        eventually(lambda: None not in (silent.subscribed_at, other.subscribed_at))
        sim.faults.answer_control(Misanswer(lambda id_: [], is_obeyed=True))
        sim.shutdown_notice()
        eventually(lambda: [len(one.streams) for one in sim.connections] == [2, 2])
        connection.add(tap_of(BEST))  # never acknowledged: it is waited for
        old, new = sim.call(lambda: list(sim._server.streams._open))
        sim.call(lambda: new.send(b'{"result":null,"id":1}'))
        only_the_old = b'{"stream":"%s","data":{"n":1}}' % KLINE.encode()
        both = b'{"stream":"%s","data":{"n":1}}' % DEPTH.encode()

        def lacks_one_alone() -> bool:
            sim.call(lambda: [old.send(only_the_old), old.send(both), new.send(both)])
            carriage = connection._carriage
            ours, next_ = carriage.current, carriage.successor
            proved = ours.pulse.complete_until >= next_.subscriptions.newest_since() > 0
            delivered = DEPTH in next_.subscriptions.delivered
            return proved and delivered and carriage._undelivered(ours, next_) == {KLINE}

        eventually(lacks_one_alone)
        assert connection.state is State.REPLACING
        time.ahead_s += 50.0
        eventually(lambda: connection.state is State.OPEN)
        assert (silent.generation, other.generation) == (1, 0)


def test_a_successor_that_delivers_nothing_is_dismissed(sim):
    time, hold_s, wire = MovedTime(), [0.0], replace(PATIENT, overlap_s=50.0)
    with connected(sim, wire, runtime=time, hold_s=lambda: hold_s[0]) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        (old,) = sim.call(lambda: list(sim._server.streams._open))
        sim.faults.answer_control(Misanswer(lambda id_: []))  # neither obeyed nor answered
        sim.shutdown_notice()
        text = b'{"stream":"%s","data":{"n":1}}' % KLINE.encode()

        def is_worse() -> bool:
            sim.call(lambda: old.send(text))
            return connection._carriage.is_worse()

        eventually(is_worse)
        hold_s[0] = 60.0  # no other one before it can be served
        time.ahead_s += 50.0
        eventually(lambda: "delivers nothing" in (connection.report(0.0).last_loss or ""))
        assert tap.generation == 0
        sim.faults.answer_control(None)
        hold_s[0] = 0.0
        eventually(lambda: subscribed(sim) == {KLINE} and old not in list(
            sim.call(lambda: list(sim._server.streams._open))))  # fmt: skip


def test_an_attempt_to_replace_that_fails_leaves_everything_as_it_is(sim):
    with connected(sim) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        sim.faults.refuse_handshakes(Refusal(503), times=3)
        sim.shutdown_notice()
        eventually(lambda: sim.connects == 2)
        eventually(lambda: len(sim.connections) == 1 and connection.state is State.OPEN)
        assert tap.generation == 0


def test_a_link_that_is_lost_while_its_successor_is_connecting_leaves_the_attempt_to_it(
    sim, caplog
):
    caplog.set_level("INFO")
    hold_s = [0.0]
    with connected(sim, hold_s=lambda: hold_s[0]) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        (old,) = sim.call(lambda: list(sim._server.streams._open))
        hold_s[0] = 60.0  # no attempt before it can be held up
        sim.shutdown_notice()
        eventually(lambda: connection._carriage.current.is_warned)
        sim.faults.black_hole()
        hold_s[0] = 0.0
        eventually(lambda: connection.state is State.REPLACING)
        sim.call(old.cut)
        eventually(lambda: connection.state is State.CONNECTING)
        assert tap.line.alive_until < monotonic()
        sim.faults.black_hole(False)
        eventually(lambda: connection.state is State.OPEN)
        eventually(lambda: tap.subscribed_at is not None)
        eventually(lambda: len(sim.connections) == 1)
        assert sim.connects == 2


def test_a_silent_link_is_replaced_before_it_is_given_up():
    wire = replace(QUICK, alive_s=0.3, pong_timeout_s=60.0)
    with (
        Simulator(TinyVenue(), paused=True, limits=patient()) as sim,
        connected(sim, wire) as connection,
    ):
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        sim.faults.black_hole()
        eventually(lambda: connection.state is State.REPLACING)
        assert tap.line.alive_until < monotonic()
        sim.faults.black_hole(False)
        eventually(lambda: tap.line.alive_until > monotonic())
        eventually(lambda: len(sim.connections) == 1 and connection.state is State.OPEN)


def test_the_number_of_open_connections_is_counted(sim):
    open_now = metrics.STREAM_CONNECTIONS.labels("spot")._value.get
    losses = metrics.STREAM_LOSSES.labels("spot")._value.get
    opened, lost = open_now(), losses()
    with connected(sim) as connection:
        eventually(lambda: open_now() == opened + 1)
        sim.drop_connections()
        eventually(lambda: losses() == lost + 1)
        eventually(lambda: sim.connects == 2 and connection.state is State.OPEN)
        assert open_now() == opened + 1
    assert open_now() == opened


@pytest.mark.parametrize("refusal", [Refusal(503), Refusal(404), Refusal(200)])
def test_a_refused_handshake_is_tried_again_and_not_at_once(sim, refusal):
    attempts = metrics.STREAM_CONNECTS.labels("spot")._value.get
    before, began = attempts(), monotonic()
    sim.faults.refuse_handshakes(refusal)
    with connected(sim, replace(QUICK, max_reconnect_delay_s=0.1)) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: connection.state in (State.WAITING, State.FAILING))
        eventually(lambda: attempts() - before >= 16, within_s=30)
        # Most waits are random up to 100 ms: all so short happens once in 1e8 times.
        assert monotonic() - began > 0.1
        assert sim.connects == 0
        sim.faults.clear()
        eventually(lambda: tap.subscribed_at is not None)
        assert connection.state is State.OPEN


def test_a_redirect_is_not_followed(sim):
    with Simulator(TinyVenue(), paused=True) as elsewhere:
        away = {"Location": f"{elsewhere.ws_url}/stream"}
        sim.faults.refuse_handshakes(Refusal(301, headers=away), times=3)
        with connected(sim):
            eventually(lambda: sim.connects == 1)
            assert elsewhere.connects == 0


@pytest.mark.parametrize("code", [None, 1000, 1001, 1008, 1012])
def test_whatever_ends_it_it_comes_back_with_all_its_streams(sim, code):
    with connected(sim) as connection:
        tap = tap_of(KLINE, BEST)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        sim.drop_connections(code, "bye")
        eventually(lambda: sim.connects == 2)
        eventually(lambda: subscribed(sim) == {KLINE, BEST})
        eventually(lambda: tap.subscribed_at is not None)
        assert tap.generation == 1
        sim.step(100)
        assert [tap.next(10).generation for _ in range(2)] == [1, 1]


def test_a_lost_connection_is_known_to_its_taps_at_once(sim):
    wire = replace(QUICK, reconnect_delay_s=30, max_reconnect_delay_s=30)
    with connected(sim, wire) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        assert tap.line.alive_until > 0
        sim.faults.refuse_handshakes(Refusal(503))
        sim.drop_connections()
        eventually(lambda: tap.line.alive_until == 0)
        eventually(lambda: tap.generation >= 1)
        assert tap.subscribed_at is None


def test_a_shutdown_notice_is_heeded(sim):
    with connected(sim) as connection:
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        sim.shutdown_notice()
        eventually(lambda: sim.connects == 2)
        eventually(lambda: subscribed(sim) == {KLINE})
        eventually(lambda: len(sim.connections) == 1)


def test_what_is_asked_for_after_a_loss_is_asked_of_the_new_connection(sim):
    # The sender of the lost connection still waits for its turn: it may not take what is new.
    with connected(sim, control_per_s=2) as connection:
        connection.add(tap_of(KLINE))
        eventually(lambda: len(sim.control_messages) == 1)
        sim.drop_connections()
        eventually(lambda: len(sim.control_messages) == 2)
        late = tap_of(BEST)
        connection.add(late)
        eventually(lambda: late.subscribed_at is not None, within_s=RETRY_S - 2)


def test_an_unused_connection_is_closed():
    closed = []
    with Simulator(TinyVenue(), paused=True, limits=replace(SPOT, messages_per_s=10**6)) as sim:
        wire = replace(QUICK, handshake_timeout_s=600, alive_s=600, pong_timeout_s=600)
        with connected(sim, wire, runtime=HastyRuntime(), on_closed=closed.append) as connection:
            tap = tap_of(KLINE)
            connection.add(tap)
            eventually(lambda: tap.subscribed_at is not None)
            sleep_until_a_minute_has_passed()
            assert connection.state is State.OPEN
            connection.remove(tap)
            eventually(lambda: connection.state is State.CLOSED)
            eventually(lambda: sim.connections == [])
            eventually(lambda: closed == [connection])


def sleep_until_a_minute_has_passed() -> None:
    """Let a minute of the hasty runtime pass: nothing is to happen in it."""
    end = monotonic() + 1.0
    eventually(lambda: monotonic() > end)


# Life signs


def patient(**changes: object) -> Limits:
    return replace(SPOT, messages_per_s=100, **changes)


def test_a_silent_connection_is_pinged_and_is_alive_as_long_as_it_answers():
    with Simulator(TinyVenue(), paused=True, limits=patient()) as sim:
        sim.faults.stop_pinging()
        time = MovedTime()
        with connected(sim, PATIENT, runtime=time) as connection:
            tap = tap_of(KLINE)
            connection.add(tap)
            eventually(lambda: tap.subscribed_at is not None)
            for _ in range(3):
                time.ahead_s += 0.6 * PATIENT.alive_s
                assert tap.line.alive_until > time.now()
                eventually(lambda: tap.line.alive_until > time.now() + 0.8 * PATIENT.alive_s)
            assert sim.connects == 1


def test_a_connection_that_answers_no_ping_is_not_alive_and_then_replaced():
    time = MovedTime()
    with (
        Simulator(TinyVenue(), paused=True, limits=patient()) as sim,
        connected(sim, PATIENT, runtime=time) as connection,
    ):
        tap = tap_of(KLINE)
        connection.add(tap)
        eventually(lambda: tap.subscribed_at is not None)
        sim.faults.black_hole()
        time.ahead_s += 1.1 * PATIENT.alive_s
        eventually(lambda: tap.line.alive_until < time.now())  # what was on its way may come
        assert tap.generation == 0  # not yet given up
        time.ahead_s += PATIENT.pong_timeout_s
        eventually(lambda: tap.generation >= 1)
        sim.faults.black_hole(False)
        eventually(lambda: tap.subscribed_at is not None)
        eventually(lambda: sim.connects >= 2)
        eventually(lambda: tap.line.alive_until > time.now())


def test_pings_of_the_exchange_are_answered():
    sent: list[bytes] = []

    def payload(now_ms: int) -> bytes:
        sent.append(b"%d" % len(sent))
        return sent[-1]

    limits = patient(ping_interval_s=0.05, pong_within_s=60.0, ping_payload=payload)
    with Simulator(TinyVenue(), paused=True, limits=limits) as sim, connected(sim):
        eventually(lambda: len(sim.connections) == 1)
        (open_,) = sim.call(lambda: list(sim._server.streams._open))
        eventually(lambda: len(sent) >= 5)
        eventually(lambda: sim.call(lambda: not open_._pings))  # all those are answered
        assert sim.connects == 1


def test_it_can_be_closed_while_it_waits_to_connect_again(sim):
    sim.faults.refuse_handshakes(Refusal(503))
    with connected(sim) as connection:
        eventually(lambda: connection.state in (State.WAITING, State.FAILING))
    assert connection.state is State.CLOSED
    assert sim.connects == 0
