from math import inf

from bpx.streams.pulse import Pulse
from bpx.streams.wire import Wire

WIRE = Wire(alive_s=5.0, ping_interval_s=30.0, pong_timeout_s=60.0)


def test_it_is_alive_for_a_while_after_it_has_said_something():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    assert pulse.line.alive_until == 105.0
    pulse.hear(103.0)
    assert pulse.line.alive_until == 108.0


def test_it_is_pinged_when_it_has_been_silent_for_half_of_that():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    assert not pulse.is_ping_due(102.4)
    assert pulse.is_ping_due(102.5)
    pulse.ping(102.5)
    assert not pulse.is_ping_due(104.9)
    assert pulse.is_ping_due(105.0)


def test_it_is_pinged_now_and_then_however_much_it_says():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    for now in range(100, 131):
        pulse.hear(float(now))
        assert pulse.is_ping_due(float(now)) is (now == 130)


def test_pings_leave_room_for_other_messages():
    pulse = Pulse(Wire(alive_s=0.1), 100.0, pause_s=0.25)
    assert not pulse.is_ping_due(100.4)
    assert pulse.is_ping_due(100.5)


def test_it_is_lost_when_a_ping_is_not_answered_for_long():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    assert not pulse.is_lost(162.5)
    assert pulse.is_lost(162.6)


def test_an_answer_proves_that_all_has_come_that_was_sent_before_the_ping():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    pulse.hear_pong()  # of nothing that we have sent
    assert pulse.complete_until == -inf
    pulse.ping(102.0)
    pulse.ping(104.0)
    pulse.hear_pong()  # of the one or the other
    assert pulse.complete_until == 102.0
    pulse.hear_pong()
    assert pulse.complete_until == 102.0


def test_what_is_to_be_proved_has_a_ping_sent_at_once_and_only_after_it():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    pulse.ping(100.5)
    assert pulse.prove(101.0)
    assert not pulse.prove(101.0)  # no news
    assert not pulse.is_ping_due(101.1)  # the one before is not answered yet
    pulse.hear_pong()
    assert pulse.is_ping_due(101.2)
    pulse.ping(101.2)
    pulse.hear_pong()
    assert pulse.complete_until == 101.2
    assert not pulse.is_ping_due(101.3)


def test_an_orderly_end_proves_that_all_has_come():
    for is_complete in (True, False):
        pulse = Pulse(WIRE, 100.0, pause_s=0.1)
        pulse.end(103.0, is_complete=is_complete)
        assert pulse.line.alive_until == 0.0
        assert pulse.complete_until == (103.0 if is_complete else -inf)
