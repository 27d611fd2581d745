from threading import Event

import pytest
from prometheus_client import REGISTRY

from bpx.errors import Refused
from bpx.feed.health import ASKED_S, Checkup, Health, Remedy, remedy_of_feed
from tests.runtime import ThreadRuntime
from tests.waiting import eventually


class FakeFeed:
    def __init__(self, *, alive=True, fresh=True, asked_at=0.0, ended=False):
        self.asked_at, self.wants = asked_at, []
        self._alive, self._fresh, self._ended = alive, fresh, ended

    def is_alive(self, now):
        return self._alive

    def is_fresh(self, now):
        return self._fresh

    def want(self, rows=0, *, for_client=True):
        if self._ended:
            raise Refused("the feed has ended")
        self.wants.append((rows, for_client))


class FakeStreams:
    def __init__(self, *taps, lost=()):
        self.adopted, self._taps, self._lost = [], taps, lost

    def taps(self):
        return [*self._taps, *self._lost]

    def is_lost(self, tap):
        return tap in self._lost

    def adopt(self, tap):
        self.adopted.append(tap)


def health_of(streams, *feeds, interval_s=30.0, runtime=None):
    runtime = runtime or ThreadRuntime()
    return Health("health test", streams, [feeds], interval_s, runtime)


def repairs(how):
    labels = {"market": "health test", "how": how}
    return REGISTRY.get_sample_value("bpx_repairs_total", labels) or 0.0


@pytest.mark.parametrize(
    ("feed", "remedy"),
    [
        (FakeFeed(), None),
        (FakeFeed(fresh=False), Remedy.CHECK),
        (FakeFeed(fresh=False, alive=False), None),  # REST serves while the connection is down
        (FakeFeed(fresh=False, asked_at=-ASKED_S - 1), None),  # nobody wants to know
    ],
)
def test_what_is_asked_for_and_not_fresh_is_checked_if_its_connection_lives(feed, remedy):
    assert remedy_of_feed(feed, 0.0) is remedy


def test_a_check_repairs_what_it_finds_counts_it_and_leaves_the_others():
    streams = FakeStreams("well", lost=["lost"])
    stale, fresh, gone = FakeFeed(fresh=False), FakeFeed(), FakeFeed(fresh=False, ended=True)
    health = health_of(streams, stale, fresh, gone)
    before = {how: repairs(how) for how in ("adopt", "check")}
    assert health.report(0.0) == Checkup(None, 0)
    health.check(10.0)
    assert streams.adopted == ["lost"]
    assert (stale.wants, fresh.wants) == ([(0, False)], [])
    assert health.report(12.0) == Checkup(2.0, 5, {"adopt": 1, "check": 1})
    assert {how: repairs(how) - count for how, count in before.items()} == {"adopt": 1, "check": 1}


def test_when_all_is_well_nothing_is_found():
    health = health_of(FakeStreams("well"), FakeFeed())
    health.check(10.0)
    assert health.report(10.0) == Checkup(0.0, 2)


class Ticking(ThreadRuntime):
    """Sleeps no longer than until it is told to go on."""

    def __init__(self):
        super().__init__()
        self.slept, self.go_on = [], Event()

    def sleep(self, seconds):
        self.slept.append(seconds)
        assert self.go_on.wait(30)


def test_it_looks_again_and_again_whatever_happens_until_it_is_closed(caplog):
    class Broken(FakeStreams):
        checks = 0

        def taps(self):
            self.checks += 1
            raise ZeroDivisionError("a bug")

    runtime, streams = Ticking(), Broken()
    health = health_of(streams, interval_s=7.0, runtime=runtime)
    runtime.spawn(health.follow)
    eventually(lambda: runtime.slept == [7.0])
    assert streams.checks == 0
    runtime.go_on.set()
    eventually(lambda: streams.checks >= 3)
    health.close()
    runtime.threads[0].join(10)
    assert not runtime.threads[0].is_alive()
    assert "the check of all streams failed" in caplog.text
