from math import inf

from bpx.streams.pulse import MOST_PINGS, Pulse
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


def test_an_answer_proves_that_all_has_come_that_was_sent_before_its_ping():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    pulse.hear_pong(b"", 101.0)  # of nothing that we have sent
    assert pulse.complete_until == -inf
    first, second, third = (pulse.ping(now) for now in (102.0, 104.0, 106.0))
    pulse.hear_pong(first, 106.1)
    assert pulse.complete_until == 102.0
    pulse.hear_pong(second, 106.2)
    assert pulse.complete_until == 104.0  # which says nothing of the third
    pulse.hear_pong(second, 106.3)
    pulse.hear_pong(first, 106.4)
    assert pulse.complete_until == 104.0
    pulse.hear_pong(third, 106.5)
    assert pulse.complete_until == 106.0


def test_one_answer_may_stand_for_all_before_it():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    first, second = pulse.ping(102.0), pulse.ping(104.0)
    pulse.hear_pong(second, 104.1)
    pulse.hear_pong(first, 104.2)
    assert pulse.complete_until == 104.0


def test_of_pings_that_are_never_answered_only_the_newest_are_waited_for():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    pings = [pulse.ping(100.0 + number) for number in range(MOST_PINGS + 1)]
    pulse.hear_pong(pings[0], 200.0)
    assert pulse.complete_until == -inf
    pulse.hear_pong(pings[1], 200.0)
    assert pulse.complete_until == 101.0


def test_what_is_to_be_proved_has_one_ping_sent_at_once_and_not_before_it():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    early = pulse.ping(100.5)
    assert pulse.prove(101.0)
    assert not pulse.prove(101.0)  # no news
    assert pulse.is_ping_due(101.1)  # the one before proves too little
    late = pulse.ping(101.2)
    assert not pulse.is_ping_due(101.3)
    pulse.hear_pong(early, 101.3)
    assert not pulse.is_ping_due(101.4)
    pulse.hear_pong(late, 101.5)
    assert pulse.complete_until == 101.2
    assert not pulse.is_ping_due(101.6)


def stalled():
    """Return a pulse that was pinged three times while nothing came, until 108, and the pings."""
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    pings = [pulse.ping(now) for now in (102.5, 105.0, 107.5)]
    return pulse, pings


def test_what_has_waited_on_the_way_does_not_bring_it_back_to_life():
    pulse, pings = stalled()
    assert pulse.hear(108.0)  # a ping is due
    assert pulse.is_ping_due(108.0)
    proof = pulse.ping(108.0)
    for ping in pings:
        assert not pulse.hear(108.1)
        pulse.hear_pong(ping, 108.1)
        assert pulse.line.alive_until == 105.0
    pulse.hear(108.2)
    pulse.hear_pong(proof, 108.2)
    assert pulse.line.alive_until == 113.2
    pulse.hear(109.0)
    assert pulse.line.alive_until == 114.0


def test_an_answer_that_has_waited_itself_does_not_either():
    pulse, _ = stalled()
    pulse.hear(108.0)
    proof = pulse.ping(108.0)
    assert pulse.hear(120.0)  # it was silent again
    pulse.hear_pong(proof, 120.0)
    assert pulse.line.alive_until == 105.0
    for now in range(120, 130):
        pulse.hear(float(now))
    late = pulse.ping(120.0)
    pulse.hear_pong(late, 129.0)  # all that comes is old
    assert pulse.line.alive_until == 105.0
    assert pulse.is_ping_due(129.0)
    pulse.hear_pong(pulse.ping(129.1), 129.2)
    assert pulse.line.alive_until == 134.2


def test_who_is_gone_does_not_come_back_to_life():
    pulse = Pulse(WIRE, 100.0, pause_s=0.1)
    pulse.end(101.0, is_complete=False)
    pulse.hear(101.5)
    assert pulse.line.alive_until == 0.0
    pulse.hear(107.0)
    pulse.hear_pong(pulse.ping(107.0), 107.1)
    assert pulse.line.alive_until == 0.0


def test_an_orderly_end_proves_that_all_has_come():
    for is_complete in (True, False):
        pulse = Pulse(WIRE, 100.0, pause_s=0.1)
        pulse.end(103.0, is_complete=is_complete)
        assert pulse.line.alive_until == 0.0
        assert pulse.complete_until == (103.0 if is_complete else -inf)
