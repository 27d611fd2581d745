"""A feed with all that it is given, each piece in the hands of the test."""

from dataclasses import dataclass
from math import inf
from queue import SimpleQueue
from threading import Event, Thread

from bpx.errors import BadMessage, NotSent, OutOfSync
from bpx.feed.feed import Feed
from bpx.feed.follower import Question
from bpx.feed.trust import Freshness
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Tap
from tests.runtime import ThreadRuntime
from tests.waiting import eventually

MAIN, SIDE = "x@main", "x@side"
MOST_MESSAGES = 3


@dataclass(frozen=True)
class Number:
    value: int
    confirmed_at: float


class NumberFollower:
    """Follows a number that only grows: each message and each reply is the number itself."""

    kind = "number"
    route, streams, confirming, idle_s, early_s = "/path", (MAIN, SIDE), MAIN, 120.0, None

    def __init__(self):
        self.value = None
        self.generations = 0
        self.is_busy = Event()  # with a slow message
        self.may_go_on = Event()  # after it

    def question(self, rows, at_ms):
        if rows < 0:
            raise ZeroDivisionError("a bug in asking")
        return Question(f"/number?rows={rows}", weight=1, rows=rows)

    def begin_generation(self):
        self.generations += 1

    def apply(self, arrival):
        if arrival.payload == b"slow":
            self.is_busy.set()
            assert self.may_go_on.wait(30.0)
        if arrival.payload in (b"early", b"slow"):
            return None
        return self._take(arrival.payload, arrival.at)

    def load(self, body, question, at, asked_at):
        if body == b"nothing":
            return None, True
        before = self.value
        return self._take(body, at), before == self.value

    def _take(self, payload, at):
        if payload == b"bad":
            raise BadMessage("not a number")
        if payload == b"gap":
            raise OutOfSync("a number is missing")
        if payload == b"bug":
            raise ZeroDivisionError("a bug")
        self.value = max(int(payload), self.value or 0)
        return Number(self.value, at)


class OwnTime(ThreadRuntime):
    """Threads, with a clock that the test sets."""

    def __init__(self):
        super().__init__()
        self.time = 100.0

    def now(self):
        return self.time


class CountedTap(Tap):
    """Knows how many events went in, and how many the feed has done with."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.events, self.done = 0, -1

    def put(self, stream, payload, at):
        if self._queue.qsize() < MOST_MESSAGES:
            self.events += 1
        super().put(stream, payload, at)

    def tell(self, event):
        self.events += 1
        super().tell(event)

    def next(self, timeout_s=None):
        self.done += 1
        return super().next(timeout_s)


class OneTap:
    """Stands for the connections: one tap, broken and renewed as a connection would."""

    def __init__(self):
        self.left, self.renewed, self.route, self.tap = [], 0, None, None

    def listen(self, route, streams):
        self.route, self.tap = route, CountedTap("spot", streams, MOST_MESSAGES)
        return self.tap

    def leave(self, tap):
        self.left.append(tap)

    def renew(self, tap):
        self.renewed += 1
        tap.break_off()


class Rest:
    """Answers each question when it is told to, with a body or by raising an error."""

    def __init__(self):
        self.asked, self.clients, self.replies = [], [], SimpleQueue()
        self.background = self.replies  # or another one, if who gets which is to be sure

    def ask(self, question, for_client):
        self.asked.append((question.target, for_client))
        self.clients.append(question.client)
        reply = (self.replies if for_client else self.background).get(timeout=30.0)
        if isinstance(reply, Exception):
            raise reply
        return reply


class World:
    """A feed that is followed in a thread, on a connection that lives."""

    def __init__(self, early_s=None):
        self.runtime, self.streams, self.rest = OwnTime(), OneTap(), Rest()
        self.follower = NumberFollower()
        self.follower.early_s = early_s
        self.feed = Feed(
            "spot",
            "x",
            self.follower,
            self.streams,
            self.rest.ask,
            Freshness(quiet_s=10.0, check_interval_s=60.0),
            self.runtime,
            ExchangeClock(),
        )
        self.tap = self.streams.tap
        self.tap.line.alive_until = inf
        self.loop = Thread(target=self.feed.follow, daemon=True)
        self.loop.start()

    @property
    def is_fresh(self):
        return self.feed.is_fresh(self.runtime.time)

    @property
    def shown(self):
        view = self.feed.cell.view
        return view and view.value

    def subscribe(self):
        """Let the exchange acknowledge all streams now."""
        for stream in self.tap.streams:
            self.tap.acknowledge(stream, self.runtime.time)

    def say(self, payload, stream=MAIN):
        """Deliver a message, and wait until it was taken."""
        self.tap.put(stream, payload, self.runtime.time)
        self.settle()

    def reply(self, body):
        """Answer the question that is under way, and wait until the answer was taken."""
        events = self.tap.events
        self.rest.replies.put(body)
        eventually(lambda: self.tap.events > events)
        self.settle()

    def check(self, body):
        """Have REST asked, as a client would, and answered."""
        self.feed.want()
        self.reply(body)

    def settle(self):
        """Wait until the feed has done with all that came."""
        eventually(lambda: self.tap.done == self.tap.events)

    def close(self):
        self.feed.retire()
        self.loop.join(10.0)
        assert not self.loop.is_alive()
        for _ in self.runtime.threads:  # for questions that nobody has answered
            self.rest.replies.put(NotSent("the test is over"))
            self.rest.background.put(NotSent("the test is over"))
        for asking in self.runtime.threads:
            asking.join(10.0)
            assert not asking.is_alive()
