from threading import Thread

import pytest
from prometheus_client import REGISTRY

from bpx.feed.feeds import FEED_BYTES, Feeds
from bpx.feed.follower import LEAST_IDLE_S
from bpx.memory.room import Room
from tests.runtime import ThreadRuntime
from tests.waiting import eventually


class CountingCell:
    size_bytes = 1000


class CountingFeed:
    """Stands for a feed: it goes on until it is retired."""

    cell = CountingCell()

    def __init__(self, key):
        self.key, self.asked_at = key, 0.0
        self.is_following = self.is_retired = False

    def follow(self):
        self.is_following = True

    def is_idle(self, now):
        return now - self.asked_at > 120

    def retire(self):
        self.is_retired = True


class Sleepless(ThreadRuntime):
    """Threads that sleep not at all, with a clock that the test sets."""

    def __init__(self):
        super().__init__()
        self.time = 0.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        super().sleep(seconds / 1000)


@pytest.fixture
def runtime():
    return Sleepless()


@pytest.fixture
def feeds(runtime):
    feeds = Feeds("feeds test", "x", CountingFeed, runtime, most=3)
    yield feeds
    feeds.close()
    for thread in runtime.threads:
        thread.join(10.0)
        assert not thread.is_alive()


def counted(name="bpx_feeds", **labels):
    return REGISTRY.get_sample_value(name, {"market": "feeds test", "kind": "x", **labels})


def test_a_feed_starts_when_somebody_asks(feeds):
    feed = feeds.watch("BTCUSDT", now=5.0)
    assert (feed.key, feed.asked_at) == ("BTCUSDT", 5.0)
    eventually(lambda: feed.is_following)
    assert (len(feeds), list(feeds), counted()) == (1, [feed], 1)


def test_all_who_ask_for_a_key_share_its_feed(feeds):
    feed = feeds.watch("BTCUSDT", now=5.0)
    assert feeds.watch("BTCUSDT", now=7.0) is feed
    assert feed.asked_at == 7.0


def test_many_who_ask_at_once_start_one_feed(runtime):
    built = []

    def build(key):
        built.append(key)
        runtime.sleep(20)
        return CountingFeed(key)

    feeds = Feeds("feeds test", "x", build, runtime)
    found = []
    threads = [Thread(target=lambda: found.append(feeds.watch("A", 0.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    assert built == ["A"]
    assert found == [found[0]] * 8
    feeds.close()


def test_there_are_no_more_than_so_many(feeds):
    for key in "ABC":
        assert feeds.watch(key, now=0.0) is not None
    assert feeds.watch("D", now=0.0) is None
    assert feeds.watch("A", now=0.0) is not None


def test_when_there_are_so_many_the_one_asked_for_longest_ago_makes_room(feeds):
    a, b, c = (feeds.watch(key, now=at) for key, at in (("A", 5.0), ("B", 1.0), ("C", 2.0)))
    feeds.watch("B", now=LEAST_IDLE_S)
    d = feeds.watch("D", now=2.1 + LEAST_IDLE_S)
    assert [one.is_retired for one in (a, b, c, d)] == [False, False, True, False]
    assert (list(feeds), counted()) == ([a, b, d], 3)
    assert feeds.watch("C", now=5.0 + LEAST_IDLE_S) is None
    assert feeds.watch("C", now=5.1 + LEAST_IDLE_S) is not None
    assert a.is_retired


def test_none_makes_room_once_they_are_closed(feeds):
    kept = [feeds.watch(key, now=0.0) for key in "ABC"]
    feeds.close()
    assert feeds.watch("D", now=10**6) is None
    assert all(feed.is_retired for feed in kept)


def test_a_feed_ends_when_nobody_asks_any_more(feeds, runtime):
    idle, wanted = feeds.watch("A", now=0.0), feeds.watch("B", now=0.0)
    feeds.watch("B", now=100.0)
    runtime.time = 121.0
    eventually(lambda: idle.is_retired and counted() == 1)  # it is counted when it has ended
    assert not wanted.is_retired
    assert len(feeds) == 1
    again = feeds.watch("A", now=121.0)
    assert again is not idle
    eventually(lambda: again.is_following)


def test_when_they_are_closed_all_end_and_none_begins(feeds):
    feed = feeds.watch("A", now=0.0)
    feeds.close()
    assert feed.is_retired
    assert feeds.watch("B", now=0.0) is None
    assert (len(feeds), counted()) == (0, 0)


def test_a_feed_that_cannot_be_built_is_not_kept(runtime):
    def build(key):
        raise LookupError(key)

    feeds = Feeds("feeds test", "x", build, runtime)
    with pytest.raises(LookupError):
        feeds.watch("A", now=0.0)
    assert (len(feeds), counted()) == (0, 0)


def test_only_feeds_that_are_wanted_are_kept(feeds):
    wanted, other = feeds.watch("a", 0.0), feeds.watch("b", 0.0)
    feeds.keep(lambda key: key == "a")
    assert (wanted.is_retired, other.is_retired, len(feeds)) == (False, True, 1)
    assert feeds.watch("b", 0.0) is not other


def test_what_nobody_asked_for_of_late_can_be_given_back(feeds):
    old, new = feeds.watch("old", 10.0), feeds.watch("new", 50.0)
    assert feeds.size_bytes == 2 * (FEED_BYTES + 1000)
    assert feeds.give_back(asked_before=30.0) == FEED_BYTES + 1000
    assert (old.is_retired, new.is_retired) == (True, False)
    assert len(feeds) == 1


def test_each_can_be_given_up_for_want_of_memory(feeds):
    before = counted("bpx_feeds_ended_total", why="memory") or 0
    old, new = feeds.watch("old", 10.0), feeds.watch("new", 50.0)
    entries = sorted(feeds.entries(), key=lambda entry: entry.asked_at)
    assert [entry.size_bytes for entry in entries] == [FEED_BYTES + 1000] * 2
    entries[0].end()
    entries[0].end()  # once more changes nothing
    assert (old.is_retired, new.is_retired, len(feeds)) == (True, False, 1)
    assert counted("bpx_feeds_ended_total", why="memory") - before == 1
    again = feeds.watch("old", 60.0)
    entries[0].end()
    assert (again.is_retired, len(feeds)) == (False, 2), "it was given back, not this one"


def test_without_room_there_are_no_more_and_those_there_are_stay(runtime):
    room = Room()
    feeds = Feeds("feeds test", "x", CountingFeed, runtime, room=room)
    first, before = feeds.watch("first", 1.0), counted("bpx_feeds_refused_total")
    room.is_full = True
    assert feeds.watch("second", 2.0) is None
    assert feeds.watch("first", 3.0) is first
    assert counted("bpx_feeds_refused_total") == before + 1
    room.is_full = False
    assert feeds.watch("second", 4.0) is not None
    feeds.close()
