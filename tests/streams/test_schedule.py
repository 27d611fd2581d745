import re
from dataclasses import replace

from bpx.errors import Loss, StreamLost
from bpx.streams.connects import Connects, Gate
from bpx.streams.schedule import UNUSED_S, Schedule
from bpx.streams.wire import Wire

WIRE = Wire(reconnect_delay_s=1.0, max_reconnect_delay_s=8.0, max_reconnects=2, max_age_s=1000.0)


def schedule_of(connects=None, wire=WIRE):
    return Schedule(wire, Gate(connects or Connects(), lambda: 0.0))


def test_the_first_attempt_is_made_at_once():
    assert schedule_of().may_attempt(0.0)


def test_after_a_loss_the_next_attempt_waits():
    schedule = schedule_of()
    words = schedule.lose(StreamLost("gone", Loss.BANNED, 7.0), 100.0)
    assert re.fullmatch(r"banned: gone; next in (7\.\d|8\.0) s", words)
    assert schedule.last_loss == "banned: gone"
    assert not schedule.may_attempt(106.9)
    assert schedule.may_attempt(108.1)


def test_the_attempt_after_what_compression_may_be_the_cause_of_goes_without():
    schedule = schedule_of()
    assert schedule.offers_compression
    for loss, offers in [(Loss.CLOSED, True), (Loss.REFUSED, False), (Loss.CLOSED, True),
                         (Loss.PROTOCOL, False), (Loss.PROTOCOL, True)]:  # fmt: skip
        schedule.lose(StreamLost("gone", loss), 100.0)
        assert schedule.offers_compression is offers
    plain = schedule_of(wire=replace(WIRE, compression=False))
    plain.lose(StreamLost("gone", Loss.REFUSED), 100.0)
    assert not plain.offers_compression


def test_a_ban_keeps_the_others_of_the_market_back_too():
    gate = Gate(Connects(), lambda: 0.0)
    first, second = Schedule(WIRE, gate), Schedule(WIRE, gate)
    first.lose(StreamLost("gone", Loss.BANNED, 50.0), 100.0)
    assert not second.may_attempt(149.0)
    assert second.may_attempt(152.0)


def test_a_closed_gate_is_tried_again_soon():
    schedule = schedule_of(Connects(most=1, window_s=300.0))
    assert schedule.may_attempt(0.0)
    assert not schedule.may_attempt(10.0)
    assert schedule.attempt_at == 11.0  # a hold may end before its time


def test_failures_in_a_row_open_the_breaker_until_a_link_is_stable():
    schedule = schedule_of()
    for now in (0.0, 10.0):
        schedule.open(now)
        schedule.lose(StreamLost("gone"), now + 1)  # a short life is a failure
    assert (schedule.failures, schedule.is_failing) == (2, True)
    schedule.open(20.0)
    schedule.watch(79.9)
    assert schedule.is_failing
    schedule.watch(80.0)
    assert (schedule.failures, schedule.is_failing) == (0, False)


def test_who_was_stable_starts_afresh_though_nobody_has_looked_meanwhile():
    schedule = schedule_of()
    for _ in range(3):
        schedule.lose(StreamLost("gone"), 0.0)
    schedule.open(10.0)
    schedule.lose(StreamLost("gone"), 70.0)
    assert schedule.failures == 1


def test_a_link_is_old_a_little_before_its_greatest_age_and_not_all_at_once():
    ages = []
    for _ in range(300):
        schedule = schedule_of()
        schedule.open(0.0)
        ages.append(next(age for age in range(2000) if schedule.complaint(float(age))))
    assert min(ages) >= 900
    assert max(ages) <= 1000
    assert max(ages) - min(ages) > 80


def test_it_is_unused_when_nobody_has_wanted_anything_for_a_while():
    schedule = schedule_of()
    assert not schedule.is_unused(0.0, streams=0)
    assert not schedule.is_unused(UNUSED_S, streams=0)
    assert not schedule.is_unused(UNUSED_S + 1, streams=1)
    assert not schedule.is_unused(UNUSED_S + 2, streams=0)
    assert schedule.is_unused(2 * UNUSED_S + 2.1, streams=0)
