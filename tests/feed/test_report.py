import pytest

from bpx.errors import NotSent
from bpx.feed.feed import RETRY_S
from bpx.feed.report import State, reported
from tests.feed.world import World


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def report(world):
    return reported(world.feed, world.runtime.time)


def test_at_first_there_is_little_to_tell(world):
    world.runtime.time += 2
    told = report(world)
    assert (told.name, told.state, told.age_s, told.asked_s) == ("x", State.STARTING, None, 2.0)
    assert (told.waiting, told.messages, told.loads, told.repairs) == (0, 0, 0, 0)
    assert (told.trouble, told.trouble_s) == (None, None)


def test_messages_and_replies_are_counted(world):
    world.say(b"7")
    world.say(b"8")
    world.check(b"9")
    world.runtime.time += 1
    told = report(world)
    assert (told.state, told.age_s, told.messages, told.loads) == (State.FRESH, 1.0, 2, 1)


def test_without_a_stream_the_word_of_rest_is_kept_for_a_moment(world):
    world.check(b"7")
    assert report(world).state is State.KEPT
    world.runtime.time += 1
    assert report(world).state is State.STALE


def test_a_connection_that_is_not_alive_is_told(world):
    world.say(b"7")
    world.tap.line.alive_until = world.runtime.time
    world.runtime.time += 5
    assert report(world).state is State.DISCONNECTED


def test_what_went_wrong_last_is_told_and_what_was_repaired(world):
    world.runtime.time += 9 * RETRY_S
    world.say(b"bad")
    world.runtime.time += 4
    told = report(world)
    assert (told.trouble, told.trouble_s, told.repairs) == ("not a number", 4.0, 1)
    world.reply(NotSent("no route"))
    assert (report(world).trouble, report(world).trouble_s) == ("no route", 0.0)
