from bpx.feed.subscriptions import BATCH, RETRY_S, Change, Subscriptions
from bpx.feed.tap import Tap


def tap_of(*streams):
    return Tap("spot", streams, most_messages=10)


def due(subscriptions, now=0.0, first_id=1):
    """Take all changes that are due, as a connection sends them; return them by id."""
    sent = {}
    for id_, change in enumerate(subscriptions.changes(now), first_id):
        subscriptions.sent(id_, change)
        sent[id_] = change
    return sent


def subscribed(*taps):
    subscriptions = Subscriptions()
    for tap in taps:
        subscriptions.add(tap, 0.0)
    for id_ in due(subscriptions):
        subscriptions.acknowledged(id_, 0.0)
    return subscriptions


def test_what_is_wanted_is_subscribed_once():
    subscriptions = Subscriptions()
    subscriptions.add(tap_of("a", "b"), 0.0)
    assert due(subscriptions) == {1: Change("SUBSCRIBE", ["a", "b"])}
    assert due(subscriptions, now=0.1) == {}
    assert len(subscriptions) == 2
    assert subscriptions.is_wanted


def test_a_tap_is_subscribed_when_the_exchange_says_so():
    tap, subscriptions = tap_of("a", "b"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions)
    assert tap.subscribed_at is None
    subscriptions.acknowledged(1, 0.5)
    assert tap.subscribed_at == 0.5


def test_an_acknowledgement_of_nothing_we_sent_means_nothing():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions)
    subscriptions.acknowledged(99, 0.5)
    subscriptions.acknowledged(None, 0.5)
    assert tap.subscribed_at is None


def test_a_stream_is_heard_by_all_who_want_it():
    first, second = tap_of("a"), tap_of("a")
    subscriptions = subscribed(first)
    subscriptions.add(second, 3.0)
    assert second.subscribed_at == 3.0
    assert due(subscriptions) == {}
    assert list(subscriptions.taps("a")) == [first, second]
    assert subscriptions.taps("b") == ()
    assert subscriptions.all_taps() == {first, second}


def test_a_stream_is_left_when_the_last_one_leaves():
    first, second = tap_of("a"), tap_of("a")
    subscriptions = subscribed(first, second)
    subscriptions.remove(first)
    assert due(subscriptions) == {}
    subscriptions.remove(second)
    assert not subscriptions.is_wanted
    assert due(subscriptions) == {1: Change("UNSUBSCRIBE", ["a"])}
    assert len(subscriptions) == 0


def test_who_has_left_may_leave_again():
    tap = tap_of("a")
    subscriptions = subscribed(tap)
    subscriptions.remove(tap)
    subscriptions.remove(tap)
    due(subscriptions)
    subscriptions.remove(tap)
    assert len(subscriptions) == 0


def test_who_leaves_before_anything_was_sent_leaves_nothing():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    subscriptions.remove(tap)
    assert due(subscriptions) == {}
    assert len(subscriptions) == 0


def test_who_leaves_before_the_acknowledgement_is_unsubscribed_all_the_same():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions)
    subscriptions.remove(tap)
    assert due(subscriptions) == {1: Change("UNSUBSCRIBE", ["a"])}
    subscriptions.acknowledged(1, 0.5)
    assert len(subscriptions) == 0


def test_who_comes_back_before_it_was_left_finds_it_subscribed():
    tap = tap_of("a")
    subscriptions = subscribed(tap)
    subscriptions.remove(tap)
    again = tap_of("a")
    subscriptions.add(again, 2.0)
    assert again.subscribed_at == 2.0
    assert due(subscriptions) == {}


def test_who_comes_back_after_it_was_left_is_subscribed_anew():
    tap = tap_of("a")
    subscriptions = subscribed(tap)
    subscriptions.remove(tap)
    due(subscriptions)
    again = tap_of("a")
    subscriptions.add(again, 2.0)
    assert again.subscribed_at is None
    assert due(subscriptions) == {1: Change("SUBSCRIBE", ["a"])}


def test_a_late_acknowledgement_of_what_was_left_is_not_one_of_what_came_after():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions, first_id=1)
    subscriptions.remove(tap)
    due(subscriptions, first_id=2)
    again = tap_of("a")
    subscriptions.add(again, 1.0)
    due(subscriptions, first_id=3)
    subscriptions.acknowledged(1, 1.5)
    assert again.subscribed_at is None
    subscriptions.acknowledged(2, 1.6)
    assert again.subscribed_at is None
    subscriptions.acknowledged(3, 1.7)
    assert again.subscribed_at == 1.7


def test_who_comes_while_others_are_being_left_is_not_left():
    names = [f"s{number}" for number in range(BATCH + 1)]
    taps = {name: tap_of(name) for name in names}
    subscriptions = subscribed(*taps.values())
    for tap in taps.values():
        subscriptions.remove(tap)
    changes = subscriptions.changes(5.0)
    assert next(changes) == Change("UNSUBSCRIBE", names[:BATCH])
    late = tap_of(names[-1])  # while the connection paces its messages
    subscriptions.add(late, 5.0)
    assert late.subscribed_at == 5.0
    assert list(changes) == []


def test_who_leaves_while_others_are_being_left_is_left_too():
    first, second = tap_of("a"), tap_of("b")
    subscriptions = subscribed(first, second)
    subscriptions.remove(first)
    changes = subscriptions.changes(5.0)
    assert next(changes) == Change("UNSUBSCRIBE", ["a"])
    subscriptions.remove(second)
    assert [*changes, *subscriptions.changes(6.0)] == [Change("UNSUBSCRIBE", ["b"])]


def test_many_streams_go_in_batches():
    names = [f"s{number}" for number in range(2 * BATCH + 1)]
    subscriptions = Subscriptions()
    subscriptions.add(tap_of(*names), 0.0)
    sent = due(subscriptions)
    assert [len(change.streams) for change in sent.values()] == [BATCH, BATCH, 1]
    assert [name for change in sent.values() for name in change.streams] == names


def test_what_is_never_acknowledged_is_asked_for_again_but_not_soon():
    subscriptions = Subscriptions()
    subscriptions.add(tap_of("a"), 0.0)
    due(subscriptions, now=0.0)
    assert due(subscriptions, now=RETRY_S) == {}
    assert due(subscriptions, now=RETRY_S + 0.1) == {1: Change("SUBSCRIBE", ["a"])}


def test_an_acknowledgement_may_come_after_it_was_asked_for_again():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions, now=0.0, first_id=1)
    due(subscriptions, now=11.0, first_id=2)
    subscriptions.acknowledged(1, 12.0)
    assert tap.subscribed_at == 12.0
    assert due(subscriptions, now=99.0) == {}


def test_what_seems_dead_is_left_and_subscribed_anew():
    tap, other = tap_of("a"), tap_of("b")
    subscriptions = subscribed(tap, other)
    subscriptions.renew(tap)
    assert (tap.generation, tap.subscribed_at) == (1, None)
    assert (other.generation, other.subscribed_at) == (0, 0.0)
    late = tap_of("a")
    subscriptions.add(late, 1.0)
    assert late.subscribed_at is None  # not before it is renewed
    assert list(due(subscriptions).values()) == [
        Change("UNSUBSCRIBE", ["a"]),
        Change("SUBSCRIBE", ["a"]),
    ]
    subscriptions.acknowledged(2, 3.0)
    assert tap.subscribed_at == late.subscribed_at == 3.0
    assert due(subscriptions, now=4.0) == {}


def test_renewing_what_is_gone_is_nothing():
    subscriptions = Subscriptions()
    subscriptions.renew(tap_of("a"))
    assert due(subscriptions) == {}


def test_what_delivers_nothing_and_was_not_acknowledged_is_renewed_at_once():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions, now=0.0)
    subscriptions.renew(tap)
    assert list(due(subscriptions, now=1.0).values()) == [
        Change("UNSUBSCRIBE", ["a"]),
        Change("SUBSCRIBE", ["a"]),
    ]


def test_a_lost_connection_breaks_all_and_the_next_one_subscribes_all():
    first, second = tap_of("a"), tap_of("a", "b")
    subscriptions = subscribed(first, second)
    subscriptions.renew(first)
    subscriptions.lost()
    assert first.subscribed_at is second.subscribed_at is None
    assert second.generation > 0
    assert due(subscriptions) == {1: Change("SUBSCRIBE", ["a", "b"])}


def test_a_lost_connection_forgets_what_nobody_wants():
    tap = tap_of("a")
    subscriptions = subscribed(tap)
    subscriptions.remove(tap)
    subscriptions.lost()
    assert due(subscriptions) == {}
    assert len(subscriptions) == 0


def test_what_was_lost_as_it_was_sent_is_nothing():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    change = next(subscriptions.changes(0.0))
    subscriptions.remove(tap)
    subscriptions.lost()
    subscriptions.sent(1, change)
    subscriptions.acknowledged(1, 0.5)
    assert len(subscriptions) == 0


def test_an_acknowledgement_of_a_lost_connection_means_nothing_on_the_next():
    tap, subscriptions = tap_of("a"), Subscriptions()
    subscriptions.add(tap, 0.0)
    due(subscriptions, first_id=1)
    subscriptions.lost()
    due(subscriptions, first_id=2)
    subscriptions.acknowledged(1, 1.0)
    assert tap.subscribed_at is None
