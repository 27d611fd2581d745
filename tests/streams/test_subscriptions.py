from itertools import pairwise
from math import inf

import pytest

from bpx.streams.combined import BATCH, Change
from bpx.streams.subscriptions import RARELY_S, RETRIES, RETRY_S, Subscriptions


def due(subscriptions, now=0.0, first_id=1):
    """Take all changes that are due, as a link sends them; return them by id."""
    sent = {}
    while change := subscriptions.next_change(now):
        id_ = first_id + len(sent)
        subscriptions.sent(id_, change, now)
        sent[id_] = change
    return sent


def subscribed(wanted):
    subscriptions = Subscriptions(wanted)
    for id_ in due(subscriptions):
        subscriptions.acknowledged(id_, 0.0)
    return subscriptions


def names(count, first=0):
    return [f"s{number}" for number in range(first, first + count)]


def test_what_is_wanted_is_subscribed_once():
    subscriptions = Subscriptions(dict.fromkeys(["a", "b"]))
    assert due(subscriptions) == {1: Change("SUBSCRIBE", ["a", "b"])}
    assert due(subscriptions, now=0.1) == {}


def test_a_stream_is_subscribed_when_the_exchange_says_so():
    subscriptions = Subscriptions(["a", "b"])
    due(subscriptions)
    assert subscriptions.since("a") is None
    assert subscriptions.acknowledged(1, 0.5) == ["a", "b"]
    assert subscriptions.since("a") == subscriptions.since("b") == 0.5
    assert subscriptions.since("c") is None


def test_the_newest_acknowledgement_is_the_last_of_what_is_wanted():
    wanted = {"a": None}
    subscriptions = Subscriptions(wanted)
    assert subscriptions.newest_since() == -inf
    due(subscriptions)
    subscriptions.acknowledged(1, 0.5)
    wanted["b"] = None
    assert subscriptions.newest_since() == 0.5
    due(subscriptions, now=1.0, first_id=2)
    subscriptions.acknowledged(2, 1.5)
    assert subscriptions.newest_since() == 1.5
    del wanted["b"]
    assert subscriptions.newest_since() == 0.5


def test_after_a_message_of_nobody_knows_which_stream_all_are_complete_only_from_then_on():
    subscriptions = subscribed(["a", "b"])
    subscriptions.renew(["b"])
    subscriptions.miss(5.0)
    assert (subscriptions.since("a"), subscriptions.since("b")) == (5.0, None)
    other = Subscriptions(["a"])
    due(other)
    other.miss(5.0)
    assert other.since("a") is None


def test_what_is_refused_or_asked_for_again_and_not_acknowledged_is_asked_for_in_vain():
    subscriptions = Subscriptions(["a"])
    assert not subscriptions.is_vain("a")
    due(subscriptions, now=0.0, first_id=1)
    assert not subscriptions.is_vain("a")
    due(subscriptions, now=RETRY_S + 0.1, first_id=2)
    assert subscriptions.is_vain("a")
    subscriptions.acknowledged(2, 11.0)
    assert not subscriptions.is_vain("a")
    other = Subscriptions(["a"])
    due(other)
    other.refused(1)
    assert other.is_vain("a")


def test_an_acknowledgement_of_nothing_we_sent_means_nothing():
    subscriptions = Subscriptions(["a"])
    due(subscriptions)
    assert subscriptions.acknowledged(99, 0.5) == []
    assert subscriptions.acknowledged(None, 0.5) == []
    assert subscriptions.since("a") is None


def test_what_is_wanted_no_more_is_left():
    wanted = {"a": None}
    subscriptions = subscribed(wanted)
    assert due(subscriptions) == {}
    del wanted["a"]
    assert due(subscriptions) == {1: Change("UNSUBSCRIBE", ["a"])}
    assert due(subscriptions) == {}
    assert subscriptions.since("a") is None


def test_who_leaves_before_the_acknowledgement_is_unsubscribed_all_the_same():
    wanted = {"a": None}
    subscriptions = Subscriptions(wanted)
    due(subscriptions)
    del wanted["a"]
    assert due(subscriptions) == {1: Change("UNSUBSCRIBE", ["a"])}
    assert subscriptions.acknowledged(1, 0.5) == []


def test_who_comes_back_before_it_was_left_finds_it_subscribed():
    wanted = {"a": None}
    subscriptions = subscribed(wanted)
    del wanted["a"]
    wanted["a"] = None
    assert due(subscriptions, now=2.0) == {}
    assert subscriptions.since("a") == 0.0


def test_a_late_acknowledgement_of_what_was_left_is_not_one_of_what_came_after():
    wanted = {"a": None}
    subscriptions = Subscriptions(wanted)
    due(subscriptions, first_id=1)
    del wanted["a"]
    due(subscriptions, first_id=2)
    wanted["a"] = None
    assert due(subscriptions, first_id=3) == {3: Change("SUBSCRIBE", ["a"])}
    for late in (1, 2):
        subscriptions.acknowledged(late, 1.5)
        assert subscriptions.since("a") is None
    subscriptions.acknowledged(3, 1.7)
    assert subscriptions.since("a") == 1.7


@pytest.mark.parametrize("is_renewed", [False, True])
def test_what_a_stream_brought_before_it_was_left_says_nothing_of_the_next_subscription(is_renewed):
    wanted = dict.fromkeys(["a", "b"])
    subscriptions = subscribed(wanted)
    subscriptions.delivered.update(a=1.0, b=1.0)
    if is_renewed:
        subscriptions.renew(["a"])
    else:
        del wanted["a"]
    assert subscriptions.delivered.keys() == {"a", "b"}
    due(subscriptions, now=2.0)
    assert subscriptions.delivered == {"b": 1.0}


def test_nothing_is_kept_of_what_was_left_to_be_renewed_and_is_not_wanted_any_more():
    wanted = {"a": None}
    subscriptions = subscribed(wanted)
    subscriptions.renew(["a"])
    assert subscriptions.next_change(20.0) == Change("UNSUBSCRIBE", ["a"])
    wanted.clear()
    assert due(subscriptions, now=20.2) == {}
    assert len(subscriptions._streams) == 0


def test_who_comes_while_others_are_being_left_is_not_left():
    wanted = dict.fromkeys(names(BATCH + 1))
    subscriptions = subscribed(wanted)
    wanted.clear()
    assert subscriptions.next_change(5.0) == Change("UNSUBSCRIBE", names(BATCH))
    wanted[names(1, BATCH)[0]] = None  # while the messages are paced
    assert subscriptions.next_change(5.0) is None
    assert subscriptions.since(names(1, BATCH)[0]) == 0.0


def test_what_is_left_goes_before_what_is_new_so_that_there_is_never_too_much():
    wanted = dict.fromkeys(names(BATCH))
    subscriptions = subscribed(wanted)
    wanted.clear()
    wanted.update(dict.fromkeys(["x", "y"]))
    assert [change.method for change in due(subscriptions).values()] == ["UNSUBSCRIBE", "SUBSCRIBE"]


def test_many_streams_go_in_batches():
    wanted = names(2 * BATCH + 1)
    sent = due(Subscriptions(wanted))
    assert [len(change.streams) for change in sent.values()] == [BATCH, BATCH, 1]
    assert [name for change in sent.values() for name in change.streams] == wanted


def test_what_is_never_acknowledged_is_asked_for_again_but_not_soon():
    subscriptions = Subscriptions(["a"])
    due(subscriptions, now=0.0)
    assert due(subscriptions, now=RETRY_S) == {}
    assert due(subscriptions, now=RETRY_S + 0.1) == {1: Change("SUBSCRIBE", ["a"])}


def test_after_some_tries_it_is_asked_for_rarely():
    subscriptions = Subscriptions(["a"])
    asked_at = [now for now in range(1000) if due(subscriptions, now=float(now))]
    pauses = [after - before for before, after in pairwise(asked_at)]
    assert pauses[:RETRIES] == [RETRY_S + 1] * RETRIES
    assert set(pauses[RETRIES:]) == {RARELY_S + 1}


def test_an_acknowledgement_may_come_after_it_was_asked_for_again():
    subscriptions = Subscriptions(["a"])
    due(subscriptions, now=0.0, first_id=1)
    due(subscriptions, now=11.0, first_id=2)
    subscriptions.acknowledged(1, 12.0)
    assert subscriptions.since("a") == 12.0
    assert due(subscriptions, now=99.0) == {}


def test_what_was_refused_together_is_asked_for_in_smaller_groups():
    subscriptions, now, sizes = Subscriptions(names(BATCH)), 0.0, []
    for round_ in range(4):
        sent = due(subscriptions, now, first_id=1000 * round_)
        sizes.append({len(change.streams) for change in sent.values()})
        assert sorted(name for one in sent.values() for name in one.streams) == sorted(names(BATCH))
        for id_ in sent:
            subscriptions.refused(id_)
        now += RETRY_S + 0.1
    assert sizes == [{BATCH}, {BATCH // 10}, {BATCH // 100}, {1}]


def names_left_out_by(exchange):
    """Return which of a batch with a bad name are not subscribed after four rounds.

    Args:
        exchange: told the subscriptions and the id of each message with the bad name.
    """
    subscriptions, now, first_id = Subscriptions(names(BATCH)), 0.0, 1
    for _ in range(4):
        while change := subscriptions.next_change(now):
            subscriptions.sent(first_id, change, now)
            if "s7" in change.streams:
                exchange(subscriptions, first_id)
            else:
                subscriptions.acknowledged(first_id, now)
            first_id += 1
        now += RETRY_S + 0.1
    return [name for name in names(BATCH) if subscriptions.since(name) is None]


@pytest.mark.parametrize(
    "exchange",
    [
        lambda subscriptions, id_: subscriptions.refused(id_),
        lambda subscriptions, id_: subscriptions.refused(None),
        lambda subscriptions, id_: None,
    ],
    ids=["refuses", "refuses without an id", "does not answer"],
)
def test_one_bad_name_keeps_no_other_from_being_subscribed(exchange):
    assert names_left_out_by(exchange) == ["s7"]


def test_a_refusal_without_an_id_is_of_the_last_message_if_that_is_not_answered():
    wanted, refusals = dict.fromkeys(["a"]), {}
    subscriptions = Subscriptions(wanted, refusals)
    subscriptions.refused(None)  # nothing was asked
    due(subscriptions, first_id=1)
    subscriptions.acknowledged(1, 0.1)
    subscriptions.refused(None)
    assert refusals == {}
    wanted["b"] = None
    due(subscriptions, now=1.0, first_id=2)
    subscriptions.refused(None)
    subscriptions.refused(None)  # once is enough
    assert refusals == {"b": 1}


def test_a_refusal_without_an_id_proves_not_that_a_subscription_has_been_left():
    wanted = dict.fromkeys(["a", "b"])
    subscriptions = subscribed(wanted)
    del wanted["a"]
    due(subscriptions, now=1.0, first_id=7)
    subscriptions.refused(None)
    assert subscriptions.is_parting("a", 1.1)
    assert subscriptions.since("b") == 0.0


def test_what_was_not_answered_on_one_link_says_nothing_of_the_next():
    refusals = {}
    first = Subscriptions(names(BATCH), refusals)
    due(first)
    assert [len(one.streams) for one in due(first, now=11.0).values()] == [BATCH // 10] * 10
    assert [len(one.streams) for one in due(Subscriptions(names(BATCH), refusals)).values()] == [
        BATCH
    ]


def test_what_was_never_refused_does_not_wait_for_what_was():
    wanted = dict.fromkeys(names(BATCH))
    subscriptions = Subscriptions(wanted)
    for round_ in range(3):
        due(subscriptions, now=11.0 * round_, first_id=1000 * round_)
    wanted["new"] = None
    assert subscriptions.next_change(33.0) == Change("SUBSCRIBE", ["new"])
    assert subscriptions.next_change(33.0) == Change("SUBSCRIBE", ["s0"])


def test_what_one_link_was_refused_its_successor_does_not_ask_for_together_with_others():
    wanted, refusals = [*names(9), "bad"], {"gone": 3}
    first = Subscriptions(wanted, refusals)
    due(first)
    first.refused(1)
    first_round, refused = due(first, now=11.0, first_id=2), []
    for id_, change in first_round.items():
        refused += change.streams
        first.refused(id_)
    assert refusals == dict.fromkeys(refused, 2)  # and nothing is kept of what nobody wants
    for id_, change in due(first, now=22.0, first_id=20).items():
        if "bad" in change.streams:
            first.refused(id_)
        else:
            first.acknowledged(id_, 22.0)
    assert "s0" not in refusals
    sent = [change.streams for change in due(Subscriptions(wanted, refusals)).values()]
    assert sent[0] == names(8)
    assert sorted(name for one in sent for name in one) == sorted(wanted)


def test_what_seems_dead_is_left_and_subscribed_anew():
    subscriptions = subscribed(["a", "b"])
    subscriptions.renew(["a"])
    assert (subscriptions.since("a"), subscriptions.since("b")) == (None, 0.0)
    assert list(due(subscriptions, now=1.0).values()) == [
        Change("UNSUBSCRIBE", ["a"]),
        Change("SUBSCRIBE", ["a"]),
    ]
    subscriptions.acknowledged(2, 3.0)
    assert subscriptions.since("a") == 3.0
    assert due(subscriptions, now=4.0) == {}


def test_what_comes_of_a_stream_that_is_being_left_is_of_no_use_until_that_is_answered():
    wanted = dict.fromkeys(["a", "b"])
    subscriptions = subscribed(wanted)
    del wanted["a"]
    assert not subscriptions.is_parting("a", 1.0)  # whoever comes back now finds it as it was
    due(subscriptions, now=1.0, first_id=7)
    wanted["a"] = None
    assert subscriptions.is_parting("a", 1.1)
    assert not subscriptions.is_parting("b", 1.1)
    subscriptions.acknowledged(6, 1.2)
    assert subscriptions.is_parting("a", 1.2)
    subscriptions.acknowledged(7, 1.3)
    assert not subscriptions.is_parting("a", 1.3)


@pytest.mark.parametrize("answer", ["of the next SUBSCRIBE", "a refusal", "none"])
def test_that_is_over_in_any_case(answer):
    wanted = {"a": None}
    subscriptions = subscribed(wanted)
    wanted.clear()
    due(subscriptions, now=1.0, first_id=7)
    wanted["a"] = None
    due(subscriptions, now=1.2, first_id=8)
    assert subscriptions.is_parting("a", 1.3)
    match answer:
        case "of the next SUBSCRIBE":
            subscriptions.acknowledged(8, 1.4)
        case "a refusal":  # it goes on coming
            subscriptions.refused(7)
    assert subscriptions.is_parting("a", 1.0 + RETRY_S - 0.1) is (answer == "none")
    assert not subscriptions.is_parting("a", 1.0 + RETRY_S)


def test_what_is_to_be_renewed_is_being_left_from_then_on():
    subscriptions = subscribed(["a"])
    subscriptions.renew(["a"])
    assert subscriptions.is_parting("a", 5.0)
    left, asked = due(subscriptions, now=5.0, first_id=7)
    assert subscriptions.is_parting("a", 5.1)
    subscriptions.acknowledged(left, 5.1)
    assert not subscriptions.is_parting("a", 5.1)
    subscriptions.acknowledged(asked, 5.2)
    subscriptions.renew(["a"])
    assert due(subscriptions, now=14.9) == {}  # that has to wait
    assert subscriptions.is_parting("a", 14.9)


def test_what_is_about_to_be_subscribed_anew_need_not_be_renewed_once_more():
    subscriptions = subscribed(["a"])
    subscriptions.renew(["a"])
    subscriptions.sent(7, subscriptions.next_change(20.0), 20.0)
    subscriptions.renew(["a"])
    subscriptions.acknowledged(7, 20.1)
    assert list(due(subscriptions, now=20.2, first_id=8).values()) == [Change("SUBSCRIBE", ["a"])]
    assert subscriptions.acknowledged(8, 20.3) == ["a"]
    assert due(subscriptions, now=99.0) == {}


def test_what_is_to_be_renewed_is_not_acknowledged_by_an_earlier_message():
    subscriptions = Subscriptions(["a"])
    due(subscriptions)
    subscriptions.renew(["a"])
    assert subscriptions.acknowledged(1, 0.5) == []
    assert subscriptions.since("a") is None


def test_nothing_is_renewed_more_often_than_is_good():
    subscriptions = subscribed(["a"])
    renewed_at = []
    for now in range(60):
        subscriptions.renew(["a"])
        sent = due(subscriptions, now=float(now), first_id=1000 * (now + 1))
        for id_ in sent:
            subscriptions.acknowledged(id_, float(now))
        if sent:
            renewed_at.append(now)
    assert renewed_at == [0, 10, 20, 30, 40, 50]


def test_renewing_what_was_never_asked_for_is_nothing():
    subscriptions = Subscriptions([])
    subscriptions.renew(["a"])
    assert due(subscriptions) == {}
