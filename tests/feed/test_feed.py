import logging
from queue import SimpleQueue
from threading import Thread, get_ident

import pytest
from prometheus_client import REGISTRY

from bpx.errors import BpxError, NotSent, Refused, Throttled
from bpx.feed.feed import RETRY_S
from bpx.feed.trust import DISTRUST_S
from tests.feed.world import MAIN, MOST_MESSAGES, SIDE, World
from tests.waiting import eventually


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


# When it is fresh.


def test_nothing_is_fresh_at_first(world):
    assert not world.is_fresh
    assert world.feed.cell.view is None
    assert world.streams.route == "/path"


def test_a_message_makes_it_fresh(world):
    world.say(b"7")
    assert (world.is_fresh, world.shown) == (True, 7)


def test_a_message_that_shows_nothing_does_not(world):
    world.say(b"early")
    assert not world.is_fresh


def test_a_message_of_a_side_stream_is_shown_and_proves_nothing(world):
    world.say(b"7", SIDE)
    assert (world.is_fresh, world.shown) == (False, 7)


def test_a_reply_that_was_asked_for_after_the_subscription_makes_it_fresh(world):
    world.subscribe()
    world.check(b"7")
    assert (world.is_fresh, world.shown) == (True, 7)


def test_a_reply_that_was_asked_for_before_it_does_not(world):
    world.feed.want()
    world.runtime.time += 1
    world.subscribe()
    world.reply(b"7")
    assert (world.is_fresh, world.shown) == (False, 7)


def test_a_reply_without_a_subscription_does_not(world):
    world.check(b"7")
    assert (world.is_fresh, world.shown) == (False, 7)


def test_a_reply_after_a_message_does(world):
    world.say(b"early")
    world.check(b"7")
    assert world.is_fresh


def test_a_reply_may_show_nothing(world):
    world.check(b"nothing")
    assert (world.shown, world.feed.loads) == (None, 1)


def test_a_connection_that_is_not_alive_makes_it_stale(world):
    world.say(b"7")
    world.tap.line.alive_until = world.runtime.time + 5
    assert world.feed.is_fresh(world.runtime.time + 4.9)
    assert not world.feed.is_fresh(world.runtime.time + 5)


# Loss and repair.


def test_a_lost_connection_makes_it_stale_at_once(world):
    world.subscribe()
    world.say(b"7")
    world.tap.break_off()
    assert (world.is_fresh, world.shown) == (False, 7)


def test_after_a_loss_rest_repairs_once_it_is_subscribed_again(world):
    world.subscribe()
    world.say(b"7")
    world.tap.break_off()
    world.check(b"8")
    assert not world.is_fresh
    world.subscribe()
    world.check(b"9")
    assert (world.is_fresh, world.shown) == (True, 9)
    assert world.follower.generations == 1


def test_a_reply_that_was_asked_for_before_a_loss_repairs_nothing(world):
    world.subscribe()
    world.feed.want()
    world.tap.break_off()
    world.subscribe()
    world.reply(b"7")
    assert not world.is_fresh


def test_what_was_said_before_a_loss_and_heard_after_it_proves_nothing(world):
    world.tap.put(MAIN, b"7", 100.0)
    world.tap.break_off()
    world.settle()
    assert (world.is_fresh, world.shown) == (False, 7)


def test_after_a_loss_the_first_message_repairs(world):
    world.say(b"7")
    world.tap.break_off()
    world.say(b"8")
    assert world.is_fresh
    assert world.follower.generations == 1


def test_an_overflow_makes_it_stale_at_once_and_the_next_message_repairs(world):
    world.say(b"7")
    world.tap.put(MAIN, b"slow", world.runtime.time)
    assert world.follower.is_busy.wait(10.0)
    for _ in range(MOST_MESSAGES + 1):  # more than fit while the feed is busy
        world.tap.put(MAIN, b"8", world.runtime.time)
    assert not world.is_fresh
    world.follower.may_go_on.set()
    world.settle()
    assert (world.is_fresh, world.shown) == (False, 8)
    world.say(b"9")
    assert (world.is_fresh, world.shown) == (True, 9)


@pytest.mark.parametrize("payload", [b"gap", b"bad"])
def test_a_gap_or_a_bad_message_is_repaired_by_rest(world, payload):
    world.subscribe()
    world.say(b"7")
    world.say(payload)
    assert (world.is_fresh, world.shown) == (False, 7)
    world.reply(b"8")
    assert world.rest.asked == [("/number?rows=0", False)]
    assert (world.is_fresh, world.shown) == (True, 8)


def test_a_bad_message_leaves_others_alone(world):
    other = World()
    other.say(b"7")
    world.say(b"bad")
    assert (other.is_fresh, other.rest.asked) == (True, [])
    world.reply(b"8")
    other.close()


def test_a_reply_that_was_asked_for_before_a_gap_does_not_repair_it(world):
    world.subscribe()
    world.say(b"7")
    world.feed.want()
    world.runtime.time += 1
    world.say(b"gap")
    world.reply(b"8")
    assert (world.is_fresh, world.shown) == (False, 8)
    world.check(b"9")
    assert world.is_fresh


def test_one_bad_message_after_another_is_not_one_question_after_another(world):
    world.say(b"bad")
    world.reply(b"7")
    for _ in range(5):
        world.say(b"bad")
    assert len(world.rest.asked) == 1
    world.runtime.time += RETRY_S
    world.say(b"bad")
    eventually(lambda: len(world.rest.asked) == 2)
    world.reply(b"8")


def repairs():
    labels = {"market": "spot", "how": "fetch"}
    return REGISTRY.get_sample_value("bpx_repairs_total", labels) or 0


def test_a_repair_is_counted_and_logged_once_however_many_messages_are_bad(world, caplog):
    counted = repairs()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            world.say(b"bad")
            world.runtime.time += RETRY_S / 2  # the question is under way for so long
    assert repairs() - counted == 1
    assert caplog.text.count("not a number") == 1
    world.reply(b"7")
    world.runtime.time += RETRY_S
    world.say(b"gap")
    eventually(lambda: len(world.rest.asked) == 2)
    assert repairs() - counted == 2
    world.reply(b"8")


# Bugs.


def test_a_bug_in_the_follower_is_logged_and_repaired(world, caplog):
    world.subscribe()
    with caplog.at_level(logging.ERROR):
        world.say(b"bug")
    assert "following failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert not world.is_fresh
    world.check(b"8")
    assert (world.is_fresh, world.shown) == (True, 8)


def test_a_bug_that_every_reply_meets_reaches_who_waits_and_is_not_asked_for_without_end(world):
    world.feed.want()
    ends = waiters_for(world, 2)
    world.reply(b"bug")
    eventually(lambda: ends == [Refused] * 2)
    world.say(b"7")
    assert len(world.rest.asked) == 1
    assert world.is_fresh


def test_a_bug_in_asking_does_not_end_asking(world):
    with pytest.raises(ZeroDivisionError):
        world.feed.want(-1)
    world.subscribe()
    world.check(b"7")
    assert world.is_fresh


# The quiet rule.


def test_a_quiet_stream_is_checked_after_a_time(world):
    world.say(b"7")
    assert world.feed.is_fresh(world.runtime.time + 9.9)
    assert not world.feed.is_fresh(world.runtime.time + 10)


def test_a_stream_that_is_hardly_ever_quiet_is_checked_earlier():
    world = World(early_s=4.0)
    world.say(b"7")
    assert world.feed.is_fresh(world.runtime.time + 3.9)
    assert not world.feed.is_fresh(world.runtime.time + 4)
    world.close()


def test_a_check_that_tells_nothing_new_is_good_for_longer(world):
    world.say(b"7")
    world.runtime.time += 11
    world.check(b"7")
    assert world.feed.is_fresh(world.runtime.time + 59.9)
    assert not world.feed.is_fresh(world.runtime.time + 60)


def test_a_check_that_tells_news_is_good_for_a_short_time(world):
    world.say(b"7")
    world.runtime.time += 11
    world.check(b"8")
    assert world.shown == 8
    assert world.feed.is_fresh(world.runtime.time + DISTRUST_S - 0.1)
    assert not world.feed.is_fresh(world.runtime.time + DISTRUST_S)


def test_a_message_begins_the_quiet_time_anew(world):
    world.say(b"7")
    world.runtime.time += 9
    world.say(b"7")
    assert world.feed.is_fresh(world.runtime.time + 9.9)


def test_rest_is_trusted_for_longer_each_time_a_silent_stream_proves_right(world):
    world.subscribe()
    trusted_s = []
    for _ in range(6):
        world.check(b"7")
        moments = [m for m in range(1, 100) if not world.feed.is_fresh(world.runtime.time + m)]
        trusted_s.append(moments[0])
        world.runtime.time += moments[0]
    assert trusted_s == [3, 6, 12, 24, 48, 60]


def test_a_subscription_is_dead_if_rest_tells_news_twice_without_a_message(world):
    world.subscribe()
    world.say(b"7")
    world.runtime.time += 11
    world.check(b"8")
    assert world.streams.renewed == 0
    world.runtime.time += 11
    world.check(b"9")
    assert world.streams.renewed == 1
    assert (world.is_fresh, world.shown) == (False, 9)
    world.subscribe()
    world.check(b"9")
    assert world.is_fresh
    assert world.streams.renewed == 1


def test_a_message_between_two_news_shows_that_it_lives(world):
    world.subscribe()
    world.say(b"7")
    world.check(b"8")
    world.say(b"8")
    world.check(b"9")
    assert world.streams.renewed == 0


def test_what_rest_tells_to_repair_is_no_news(world):
    world.subscribe()
    for value in range(5):
        world.runtime.time += 11
        world.say(b"gap")
        world.reply(b"%d" % value)
    assert world.streams.renewed == 0


# Questions.


def waiters_for(world, count):
    """Start threads that wait for more than 7, as clients do; return where their ends go."""
    ends, waiting = [], set()

    def accept(view):
        waiting.add(get_ident())
        return view.value > 7

    def wait():
        try:
            ends.append(world.feed.cell.wait_for(accept, 30.0).value)
        except (BpxError, AttributeError) as error:
            ends.append(type(error))

    world.say(b"7")
    for _ in range(count):
        Thread(target=wait, daemon=True).start()
    eventually(lambda: len(waiting) == count)
    return ends


def test_all_who_wait_share_one_question(world):
    world.subscribe()
    world.feed.want(500)
    ends = waiters_for(world, 5)
    for _ in range(5):
        world.feed.want(500)
    world.reply(b"8")
    eventually(lambda: ends == [8] * 5)
    assert world.rest.asked == [("/number?rows=500", True)]
    assert world.feed.loads == 1


def test_the_first_who_asks_is_told_so_and_is_named(world):
    world.subscribe()
    assert world.feed.want(500, client="10.0.0.1")
    assert not world.feed.want(500, client="10.0.0.2")
    world.reply(b"8")
    eventually(lambda: world.feed.loads == 1)
    assert world.rest.clients == ["10.0.0.1"]


def test_a_message_may_be_what_they_wait_for(world):
    world.feed.want()
    ends = waiters_for(world, 1)
    world.say(b"8")
    eventually(lambda: ends == [8])
    world.reply(b"8")


def test_a_failure_reaches_all_who_wait_and_changes_nothing(world):
    world.feed.want()
    ends = waiters_for(world, 3)
    world.reply(Throttled("Too many requests.", 3))
    eventually(lambda: ends == [Throttled] * 3)
    assert (world.is_fresh, world.shown, world.feed.loads) == (True, 7, 0)


def test_after_a_failure_who_asks_has_it_asked_again(world):
    world.check(NotSent("refused"))
    world.subscribe()
    world.check(b"7")
    assert world.is_fresh


def test_after_a_failure_repairs_wait(world):
    world.say(b"bad")
    world.runtime.time += 9 * RETRY_S
    world.reply(NotSent("refused"))
    world.say(b"bad")
    assert len(world.rest.asked) == 1
    world.runtime.time += RETRY_S
    world.say(b"bad")
    eventually(lambda: len(world.rest.asked) == 2)
    world.reply(b"7")


def test_a_reply_that_cannot_be_read_fails_as_a_read_does(world):
    world.feed.want()
    ends = waiters_for(world, 2)
    world.reply(b"bad")
    eventually(lambda: ends == [Refused] * 2)  # so that the client's own request is forwarded
    assert (world.is_fresh, world.shown, world.feed.loads) == (True, 7, 0)


def test_a_bug_in_asking_reaches_who_waits_and_is_logged(world, caplog):
    world.feed.want()
    ends = waiters_for(world, 1)
    with caplog.at_level(logging.ERROR):
        world.reply(ZeroDivisionError("a bug"))
    assert "fetching failed" in caplog.text
    eventually(lambda: ends == [Refused])


# Its end.


def test_it_is_idle_when_nobody_has_asked_for_its_time(world):
    assert not world.feed.is_idle(100.0 + 120.0)
    assert world.feed.is_idle(100.0 + 120.1)


def test_when_it_ends_nobody_goes_on_waiting(world):
    ends = waiters_for(world, 2)
    world.feed.retire()
    eventually(lambda: ends == [Refused] * 2)


def test_when_it_ends_it_leaves_its_streams_and_takes_no_question(world):
    world.feed.retire()
    eventually(lambda: world.streams.left == [world.tap])
    with pytest.raises(Refused):
        world.feed.want()


# What REST said a moment ago.


def test_the_word_of_rest_stands_for_a_moment_without_a_stream(world):
    world.check(b"7")
    assert world.feed.is_kept(world.runtime.time)
    assert not world.feed.is_kept(world.runtime.time + 1.0)


def test_nothing_is_kept_once_a_message_was_lost(world):
    world.check(b"7")
    world.say(b"gap")
    assert not world.feed.is_kept(world.runtime.time)


def test_a_reply_that_was_asked_for_before_a_loss_is_not_kept(world):
    world.feed.want()
    world.runtime.time += 1
    world.say(b"gap")
    world.reply(b"7")
    assert not world.feed.is_kept(world.runtime.time)


def test_nothing_is_kept_after_a_connection_was_lost(world):
    world.check(b"7")
    world.streams.tap.break_off()
    assert not world.feed.is_kept(world.runtime.time)


def test_a_client_does_not_wait_for_a_question_of_the_background(world):
    world.rest.background = SimpleQueue()
    world.subscribe()
    world.say(b"gap")
    eventually(lambda: len(world.rest.asked) == 1)
    world.feed.want(500)
    world.feed.want(500)
    eventually(lambda: len(world.rest.asked) == 2)
    assert world.rest.asked == [("/number?rows=0", False), ("/number?rows=500", True)]
    world.reply(b"8")
    assert (world.is_fresh, world.shown) == (True, 8)
    world.rest.background.put(b"7")


def test_the_background_asks_nothing_while_a_client_does(world):
    world.feed.want()
    world.feed.want(for_client=False)
    world.reply(b"7")
    assert world.rest.asked == [("/number?rows=0", True)]


def test_what_fails_in_the_background_does_not_fail_a_client_whose_question_is_under_way(world):
    world.rest.background = SimpleQueue()
    ends = waiters_for(world, 1)
    world.say(b"gap")
    eventually(lambda: len(world.rest.asked) == 1)
    world.feed.want()
    eventually(lambda: len(world.rest.asked) == 2)
    events = world.tap.events
    world.rest.background.put(Throttled("Too many requests.", 3))
    eventually(lambda: world.tap.events > events)
    world.settle()
    assert ends == []
    world.reply(b"8")
    eventually(lambda: ends == [8])


def test_a_reply_that_lags_proves_nothing_and_wakes_who_waits(world):
    world.subscribe()
    world.say(b"7")
    world.tap.break_off()
    world.subscribe()
    loads = world.feed.loads
    awaited = Thread(
        target=lambda: world.feed.cell.wait_for(lambda view: world.feed.loads > loads, 60.0)
    )
    awaited.start()
    world.check(b"nothing")
    awaited.join(10.0)
    assert not awaited.is_alive()
    assert (world.is_fresh, world.shown) == (False, 7)
