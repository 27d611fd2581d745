"""A link, its successor and their taps: who goes over without a break."""

from math import inf

from bpx.streams.carriage import Carriage
from bpx.streams.pulse import Pulse
from bpx.streams.subscriptions import Subscriptions
from bpx.streams.tap import Tap
from bpx.streams.wire import Wire


class FakeLink:
    """What a carriage sees of a link."""

    def __init__(self, carriage, opened_at):
        self.subscriptions = Subscriptions(carriage.audience.streams, carriage._refusals)
        self.pulse = Pulse(Wire(alive_s=5.0), opened_at, pause_s=0.1)
        self.opened_at, self.is_open = opened_at, True
        self.is_warned, self.woken = False, 0
        self._carriage, self._ids = carriage, 0

    def wake(self):
        self.woken += 1

    def prove(self, at):
        self.pulse.prove(at)

    def retire(self):
        self.is_open = False
        self.pulse.end(0.0, is_complete=False)

    def subscribe(self, now, refused=()):
        """Ask for everything, and have it acknowledged, but for what is refused."""
        while change := self.subscriptions.next_change(now):
            self._ids += 1
            self.subscriptions.sent(self._ids, change, now)
            if not set(refused).isdisjoint(change.streams):
                self.subscriptions.refused(self._ids)
                continue
            names = self.subscriptions.acknowledged(self._ids, now)
            self._carriage.consent(self, names, now)

    def deliver(self, name, now):
        self.pulse.hear(now)
        self.subscriptions.delivered[name] = now

    def answer_ping(self, now):
        self.pulse.hear_pong(self.pulse.ping(now), now)
        self.pulse.hear(now)


def tap_of(*streams):
    return Tap("spot", streams, most_messages=10)


def carrying(*taps):
    """Return a carriage whose link has subscribed all streams at 10."""
    carriage = Carriage()
    for tap in taps:
        carriage.add(tap, 0.0)
    carriage.successor = FakeLink(carriage, 9.0)
    assert carriage.promote(9.0) is None
    carriage.current.subscribe(10.0)
    return carriage


def replacing(*taps):
    """Return a carriage whose successor was opened at 100, and both links."""
    carriage = carrying(*taps)
    carriage.successor = FakeLink(carriage, 100.0)
    for now in range(10, 101):
        carriage.current.pulse.hear(float(now))
    return carriage, carriage.current, carriage.successor


def test_a_tap_follows_the_current_link():
    tap = tap_of("a")
    carriage = carrying(tap)
    assert tap.line is carriage.current.pulse.line
    assert (tap.subscribed_at, tap.generation) == (10.0, 0)


def test_what_a_successor_is_granted_says_nothing_to_taps_before_it_takes_over():
    tap = tap_of("a")
    carriage, _, new = replacing()
    carriage.add(tap, 100.0)
    new.subscribe(100.5)
    assert tap.subscribed_at is None
    carriage.promote(101.0)
    assert tap.subscribed_at == 101.0


def test_who_comes_to_what_is_subscribed_already_is_subscribed():
    first, second = tap_of("a"), tap_of("a")
    carriage = carrying(first)
    carriage.add(second, 20.0)
    assert second.subscribed_at == 20.0
    assert second.line is carriage.current.pulse.line


def test_who_comes_while_there_is_no_link_has_a_dead_line():
    tap, carriage = tap_of("a"), Carriage()
    carriage.add(tap, 0.0)
    assert (tap.line.alive_until, tap.subscribed_at) == (0.0, None)


def test_coming_going_and_renewing_wakes_both_links():
    tap = tap_of("a")
    carriage, old, new = replacing(tap)
    carriage.add(tap_of("b"), 100.0)
    carriage.renew(tap)
    carriage.remove(tap)
    assert (old.woken, new.woken) == (3, 3)


def test_a_renewed_stream_breaks_all_who_hear_it_and_no_other():
    first, second, other = tap_of("a"), tap_of("a", "b"), tap_of("c")
    carriage = carrying(first, second, other)
    carriage.renew(first)
    assert (first.generation, second.generation, other.generation) == (1, 1, 0)
    late = tap_of("a")
    carriage.add(late, 20.0)
    assert late.subscribed_at is None  # not before it is renewed


def test_a_lost_link_breaks_every_tap():
    tap = tap_of("a")
    carriage = carrying(tap)
    carriage.lose()
    assert (tap.generation, tap.subscribed_at, tap.line.alive_until) == (1, None, 0.0)


def test_the_successor_is_ready_when_it_has_all_and_the_old_one_has_brought_all_before():
    carriage, old, new = replacing(tap_of("a"), tap_of("b"))
    assert not carriage.is_ready(100.0)
    new.subscribe(100.5)
    assert not carriage.is_ready(100.6)
    assert old.pulse.is_ping_due(100.6)  # it is asked to prove it
    old.answer_ping(100.7)
    assert carriage.is_ready(100.8)


def test_what_the_old_one_delivers_the_new_one_has_to_deliver_too():
    carriage, old, new = replacing(tap_of("a"), tap_of("b"))
    new.subscribe(100.5)
    old.deliver("b", 100.4)  # before it was subscribed on the new one: that proves nothing
    old.deliver("a", 100.6)
    old.answer_ping(100.7)
    assert not carriage.is_ready(100.8)
    new.deliver("a", 100.9)
    assert carriage.is_ready(101.0)


def test_it_is_not_ready_while_somebody_new_is_not_subscribed():
    carriage, old, new = replacing(tap_of("a"))
    new.subscribe(100.5)
    carriage.add(tap_of("b"), 100.6)
    old.answer_ping(100.7)
    assert not carriage.is_ready(100.8)
    new.subscribe(100.9)
    assert not carriage.is_ready(101.0)  # the old one has to prove itself again
    old.answer_ping(101.1)
    assert carriage.is_ready(101.2)


def with_one_refused():
    """Return a carriage of 100 good streams and a refused one, its taps, and both links."""
    taps = [tap_of(f"s{number}") for number in range(100)]
    carriage = carrying(*taps)
    carriage.add(tap_of("bad"), 11.0)
    carriage.current.subscribe(12.0, refused=["bad"])
    carriage.successor = FakeLink(carriage, 100.0)
    for now in range(10, 101):
        carriage.current.pulse.hear(float(now))
    carriage.successor.subscribe(100.5, refused=["bad"])
    return carriage, taps, carriage.current, carriage.successor


def test_a_refused_stream_keeps_nobody_from_going_over_without_a_break():
    carriage, taps, old, new = with_one_refused()
    assert new.subscriptions.since("s0") == 100.5  # it was not asked for with the refused one
    assert not carriage.is_ready(100.6)
    assert old.pulse.is_ping_due(100.6)
    old.answer_ping(100.7)
    for number in range(100):
        new.deliver(f"s{number}", 100.8)
    assert carriage.is_ready(100.9)
    carriage.promote(101.0)
    assert {tap.generation for tap in taps} == {0}


def test_a_stream_that_is_not_acknowledged_has_those_proved_that_are():
    taps = [tap_of("a"), tap_of("b")]
    carriage, old, new = replacing(*taps)
    new.subscriptions.sent(1, new.subscriptions.next_change(100.5), 100.5)
    new.subscriptions.acknowledged(1, 100.5)
    carriage.add(tap_of("c"), 100.6)
    assert not carriage.is_ready(100.7)
    old.answer_ping(100.8)
    assert not carriage.is_ready(100.9)  # it may still come
    carriage.promote(120.0)
    assert {tap.generation for tap in taps} == {0}


def test_a_successor_that_is_not_there_yet_is_not_ready():
    carriage, _, new = replacing(tap_of("a"))
    new.is_open = False
    assert not carriage.is_ready(200.0)
    assert not Carriage().is_ready(200.0)


def test_a_dead_link_is_not_waited_for():
    carriage, old, _ = replacing(tap_of("a"))
    assert carriage.is_ready(old.pulse.line.alive_until)


def test_going_over_breaks_nobody_who_misses_nothing():
    tap = tap_of("a", "b")
    carriage, old, new = replacing(tap)
    new.subscribe(100.5)
    old.answer_ping(100.7)
    assert carriage.promote(101.0) is old
    assert (carriage.current, carriage.successor) == (new, None)
    assert (tap.generation, tap.subscribed_at) == (0, 10.0)
    assert tap.line is new.pulse.line


def test_going_over_before_all_is_proved_breaks_whoever_may_have_missed_something():
    tap = tap_of("a")
    carriage, _, new = replacing(tap)
    new.subscribe(100.5)
    carriage.promote(101.0)
    assert (tap.generation, tap.subscribed_at) == (1, 101.0)


def test_nothing_of_the_old_link_comes_after_a_tap_is_broken_off():
    class Witness(Tap):
        def break_off(self):
            super().break_off()
            heard_old.append(old.is_open)

    heard_old, tap = [], Witness("spot", ("a",), most_messages=10)
    carriage, old, new = replacing(tap)
    new.subscribe(100.5)
    carriage.promote(101.0)
    assert (tap.generation, heard_old) == (1, [False])


def test_a_message_of_nobody_knows_which_stream_breaks_all_taps_of_the_current_link():
    first, second = tap_of("a"), tap_of("b")
    carriage, old, _ = replacing(first)
    carriage.add(second, 100.0)  # and not subscribed
    carriage.miss(old, 100.5)
    assert (first.generation, first.subscribed_at) == (1, 100.5)  # what comes is heard
    assert (second.generation, second.subscribed_at) == (1, None)


def test_what_a_successor_has_lost_the_old_link_has_to_have_brought():
    tap = tap_of("a")
    carriage, old, new = replacing(tap)
    new.subscribe(100.5)
    old.answer_ping(100.7)
    carriage.miss(new, 100.8)
    assert tap.generation == 0
    assert not carriage.is_ready(100.9)
    old.answer_ping(101.0)
    assert carriage.is_ready(101.1)
    carriage.promote(101.2)
    assert tap.generation == 0


def test_a_link_that_is_warned_or_dead_is_doomed():
    assert not Carriage().is_doomed(0.0)
    carriage, old, _ = replacing(tap_of("a"))
    assert not carriage.is_doomed(104.9)
    assert carriage.is_doomed(105.0)
    old.is_warned = True
    assert carriage.is_doomed(101.0)


def test_going_over_breaks_those_of_whom_only_the_old_link_brings_something():
    silent, other, late = tap_of("a"), tap_of("b"), tap_of("c")
    carriage, old, new = replacing(silent, other)
    new.subscribe(100.5)
    carriage.add(late, 100.6)  # and not subscribed in time
    old.deliver("a", 100.6)
    old.answer_ping(100.7)
    carriage.promote(120.0)
    assert (silent.generation, other.generation, late.generation) == (1, 0, 1)
    assert late.subscribed_at is None


def test_an_orderly_end_of_the_old_link_breaks_nobody_who_is_subscribed_on_the_new_one():
    tap = tap_of("a")
    carriage, old, new = replacing(tap)
    new.subscribe(100.5)
    old.pulse.end(100.6, is_complete=True)
    carriage.promote(100.7)
    assert tap.generation == 0


def test_a_successor_that_brings_nothing_while_the_old_link_does_is_worse():
    carriage, old, new = replacing(tap_of("a"))
    old.deliver("a", 99.0)
    assert not carriage.is_worse()  # that was before
    old.deliver("a", 101.0)
    assert carriage.is_worse()
    new.deliver("a", 101.1)
    assert not carriage.is_worse()


def test_it_complains_of_a_warned_and_of_a_silent_link():
    carriage = carrying(tap_of("a"))
    link = carriage.current
    until = link.pulse.line.alive_until
    assert carriage.complaint(until + 4.9) is None
    assert carriage.complaint(until + 5.0) == "it is silent"
    link.is_warned = True
    assert carriage.complaint(0.0) == "the exchange is about to close it"
    assert Carriage().complaint(inf) is None


def test_its_age_is_that_of_the_current_link():
    assert Carriage().age_s(100.0) == 0.0
    assert carrying(tap_of("a")).age_s(100.0) == 91.0
