"""Books and tickers under losses, repetitions and disorder: E1-E4, E11.

What is served of a book is 20 levels of a side at most, and every message tells all of them: where
Binance's procedure for a local book asks for a whole chain of diffs, a view is right if it is one
of the exchange's own books, and none that a message or reply has overtaken.
"""

import json
from abc import abstractmethod
from itertools import pairwise
from random import Random
from threading import Event, Thread
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bpx.errors import OutOfSync
from bpx.exchange.futures import FUTURES
from bpx.exchange.market import Market
from bpx.exchange.spot import SPOT
from bpx.feed.depth import DepthFollower
from bpx.feed.follower import Follower
from bpx.feed.ticker import TickerFollower
from bpx.feed.trust import Checked, Freshness, Trust
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Arrival
from tests.faults.figures import figure
from tests.faults.inside import Inside, inside
from tests.faults.scale import full_or
from tests.fidelity.scene import DEPTH, scene
from tests.fidelity.stops import NEW_YEAR_MS
from tests.peers.place import QUICKEST

MARKETS = pytest.mark.parametrize("market", ["spot", "futures"])
MACHINES = pytest.mark.timeout(full_or(1200, 300))  # they compute all the time
RUNS, STEPS = full_or(10_000, 300), full_or(40, 20)
SETTINGS = settings(
    max_examples=RUNS,
    stateful_step_count=STEPS,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
)


class Followed(RuleBasedStateMachine):
    """An exchange that changes, messages of it under way, and REST; a follower as a feed has it.

    A *moment* counts the changes at the exchange. `floor` is the moment that what is served as
    fresh may not be older than: that of the newest message that has come on this connection, lost
    ones included, and that of its beginning.
    """

    market: ClassVar[Market] = SPOT

    @abstractmethod
    def follower(self) -> Follower[Any]:
        """Return what is tested."""

    @abstractmethod
    def frame(self, moment: int) -> Arrival:
        """Return the message that tells of a moment."""

    @abstractmethod
    def reply(self, moment: int) -> bytes:
        """Return what REST said at a moment."""

    @abstractmethod
    def shown(self) -> int:
        """Return the moment of what is shown; check that it is wholly of that moment."""

    @initialize()
    def begin(self) -> None:
        self.clock = ExchangeClock()
        self.followed = self.follower()
        self.trust = Trust(Freshness(), self.followed.early_s)
        self.now, self.moment, self.generation = 100.0, 1, 0
        self.subscribed_at: float | None = None
        self.under_way: list[tuple[int, int]] = []  # generation, moment
        self.came: list[int] = []
        self.asked: list[tuple[int, float, int]] = []  # generation, when, moment
        self.floor = 0
        self.view: Any = None
        self.highest = 0
        self.kept_floor = 0

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 4.0]))
    def changes(self, seconds: float) -> None:
        self.now += seconds
        self.moment += 1

    @rule(seconds=st.sampled_from([0.5, 3.5, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.subscribed_at is not None)
    @rule()
    def message_is_sent(self) -> None:
        self.under_way.append((self.generation, self.moment))

    @precondition(lambda self: self.under_way)
    @rule(place=st.integers(0, 3))
    def message_comes(self, place: int) -> None:
        self._hear(*self.under_way.pop(min(place, len(self.under_way) - 1)))

    @precondition(lambda self: self.came)
    @rule(data=st.data())
    def message_comes_again(self, data: st.DataObject) -> None:
        self._hear(self.generation, data.draw(st.sampled_from(self.came)))

    @precondition(lambda self: self.under_way)
    @rule()
    def message_cannot_be_read(self) -> None:
        generation, moment = self.under_way.pop(0)
        self.now += 0.001
        self.trust.doubt(self.now)
        if generation == self.generation:
            self.floor = max(self.floor, moment)
            self.kept_floor = max(self.kept_floor, moment)
        self.came.clear()  # what came before it comes no more

    @rule(lost=st.integers(0, 3))
    def connection_breaks(self, lost: int) -> None:
        self.generation += 1
        self.subscribed_at, self.floor, self.came = None, 0, []
        del self.under_way[len(self.under_way) - min(lost, len(self.under_way)) :]

    @precondition(lambda self: self.subscribed_at is None)
    @rule()
    def subscribes(self) -> None:
        self.now += 0.001
        self.subscribed_at, self.floor = self.now, self.moment

    @rule()
    def rest_is_asked(self) -> None:
        self.now += 0.001
        self.asked.append((self.generation, self.now, self.moment))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def rest_answers(self, data: st.DataObject) -> None:
        generation, began_at, asked = self.asked.pop(0)
        moment = data.draw(st.integers(asked, self.moment))
        self._enter(generation)
        question = self.followed.question(0, None)
        try:
            view, agrees = self.followed.load(self.reply(moment), question, self.now, began_at)
        except OutOfSync:
            return
        if view is None:
            return
        self.view = view
        told = Checked(generation, began_at, self.now, None, agrees, self.subscribed_at)
        self.trust.check(told, self.generation)
        self.kept_floor = asked

    @invariant()
    def what_is_served_is_the_exchanges_or_nothing(self) -> None:
        if self.view is None:
            return
        moment = self.shown()
        assert moment >= self.highest, "it went back"
        self.highest = moment
        if self.trust.is_fresh(self.generation, self.now):
            assert moment >= self.floor, "a newer one had come"
        if self.trust.is_kept(self.generation, self.now, None):
            assert moment >= self.kept_floor

    def _hear(self, generation: int, moment: int) -> None:
        self._enter(generation)
        arrival = self.frame(moment)
        view = self.followed.apply(arrival)
        if arrival.stream == self.followed.confirming:
            self.trust.hear(generation, self.now, proves=view is not None)
        if view is not None:
            self.view = view
        if generation == self.generation:
            self.floor = max(self.floor, moment)
            self.came.append(moment)

    def _enter(self, generation: int) -> None:
        if generation > getattr(self, "entered", 0):
            self.entered = generation
            self.followed.begin_generation()


class SpotBook(Followed):
    """A book whose frames and replies bear `lastUpdateId`."""

    def follower(self) -> Follower[Any]:
        return DepthFollower(self.market, "X", self.clock)

    def frame(self, moment: int) -> Arrival:
        return Arrival(self.followed.confirming, self.reply(moment), self.now, self.generation)

    def reply(self, moment: int) -> bytes:
        levels = [[f"{moment}.0", "1"]]
        return json.dumps({"lastUpdateId": moment * 7, "bids": levels, "asks": levels}).encode()

    def shown(self) -> int:
        book = json.loads(self.view.body(20))
        moment = book["lastUpdateId"] // 7
        assert book["bids"] == book["asks"] == [[f"{moment}.0", "1"]]
        return int(moment)


class FuturesBook(SpotBook):
    """A book whose frames bear `u`, `E` and `T`; its ids leave gaps that only `pu` would tell."""

    market = FUTURES

    def frame(self, moment: int) -> Arrival:
        levels = [[f"{moment}.0", "1"]]
        frame = {"u": moment * 7, "pu": moment * 7 - 3, "E": moment, "T": moment}
        payload = json.dumps(frame | {"b": levels, "a": levels}).encode()
        return Arrival(self.followed.confirming, payload, self.now, self.generation)

    def reply(self, moment: int) -> bytes:
        book = json.loads(super().reply(moment)) | {"E": moment, "T": moment}
        return json.dumps(book).encode()


@MACHINES
def test_e1_a_spot_book_is_the_exchanges_or_not_served() -> None:
    run_state_machine_as_test(SpotBook, settings=SETTINGS)  # type: ignore[no-untyped-call]
    figure("E1", runs=RUNS, steps=STEPS)


@MACHINES
def test_e2_a_futures_book_is_the_exchanges_or_not_served() -> None:
    run_state_machine_as_test(FuturesBook, settings=SETTINGS)  # type: ignore[no-untyped-call]
    figure("E2", runs=RUNS, steps=STEPS)


OLDEST_MS = 5_000


@MARKETS
def test_e1_a_book_whose_stream_alone_has_died_is_not_served_once_it_is_old(market: str) -> None:
    target = "depth?symbol=BTCUSDT&limit=20"
    with inside(market) as here:
        here.follow(target, "ticker/24hr?symbol=BTCUSDT")  # whose connection is alive
        here.exchange.faults.silence("*@depth*")
        asked, answers, seconds = here.asked(target), 0, full_or(20, 7)
        until_ms = here.exchange.now_ms + seconds * 1000
        while (asked_ms := here.exchange.now_ms) < until_ms:
            answer = here.ask(target)
            oldest = json.loads(here.truth(target, asked_ms - OLDEST_MS))
            assert answer.content["lastUpdateId"] >= oldest["lastUpdateId"]
            answers += 1
            Event().wait(0.05)
        checks = here.asked(target) - asked
    figure("E1", market=market, answers=answers, checks=checks, older_than_5_s=0)
    assert 1 <= checks <= seconds  # it is subscribed anew, again and again


# E3

LIMITS = {"spot": (*range(1, 24), 50, 100, 500, 1000, 5000), "futures": (5, 10, 20, 50, 100, 1000)}


@MARKETS
def test_e3_levels_beyond_those_that_are_known_are_asked_for(market: str) -> None:
    with scene(market, NEW_YEAR_MS) as made:
        asked = f"{made.path(DEPTH)}?symbol=BTCUSDT&limit="
        made.fetch("GET", f"{asked}20")
        made.await_streams({"btcusdt@depth20@100ms"})
        random, answers = Random(3), 0
        for _ in range(full_or(20, 3)):
            made.step(random.randrange(5_000, 60_000))  # through many levels
            sent = made.last_sent("btcusdt@depth20@100ms")
            assert sent is not None
            for limit in LIMITS[market]:
                answer = made.fetch("GET", f"{asked}{limit}")
                assert answer.source == ("websocket" if limit <= 20 else "upstream")
                at_ms = sent.at_ms if limit <= 20 else None
                assert answer.body == made.truth(f"{asked}{limit}", at_ms), limit
                answers += 1
    figure("E3", market=market, answers=answers, short=0)


# E4


@MARKETS
def test_e4_update_ids_never_go_back_for_a_client(market: str) -> None:
    clients = 4
    with inside(market, **QUICKEST) as here:
        here.exchange.clock.set_speed(20)
        here.follow("depth?symbol=BTCUSDT&limit=20")
        seen: list[list[int]] = [[] for _ in range(clients)]
        readers = [Thread(target=read, args=(here, ids)) for ids in seen]
        for reader in readers:
            reader.start()
        drops = 0
        while any(reader.is_alive() for reader in readers):
            here.exchange.drop_connections()
            drops += 1
            readers[drops % clients].join(0.4)
        for reader in readers:
            reader.join()
    backward = sum(later < earlier for ids in seen for earlier, later in pairwise(ids))
    figure(
        "E4", market=market, reads=sum(map(len, seen)), lost_connections=drops, backward=backward
    )
    assert backward == 0
    assert min(map(len, seen)) == full_or(5_000, 500)
    assert len(set(seen[0])) > 10


def read(here: Inside, ids: list[int]) -> None:
    for _ in range(full_or(5_000, 500)):
        answer = here.ask("depth?symbol=BTCUSDT&limit=20")
        if answer.status == 200:
            ids.append(answer.content["lastUpdateId"])
        Event().wait(0.005)


# E11


class SpotDay(Followed):
    """A ticker with the best prices of its own stream; either stream may run ahead of the other.

    A moment of the ticker is told by its `closeTime` and `count`, one of the best prices by them.
    """

    @initialize()
    def begin_best(self) -> None:
        self.bests: list[tuple[int, int]] = []
        self.bests_came: list[int] = []
        self.best_shown = 0
        # By a reply of REST, or by a ticker's own best prices: they bear no number, so that what
        # they have overtaken may be shown once more.
        self.overtaken: set[tuple[int, int]] = set()
        self.late: int | None = None  # what was overtaken has come, and was not shown yet

    @precondition(lambda self: self.subscribed_at is not None)
    @rule()
    def best_is_sent(self) -> None:
        self.bests.append((self.generation, self.moment))

    @precondition(lambda self: self.bests)
    @rule()
    def best_comes(self) -> None:
        self._hear_best(*self.bests.pop(0))

    @precondition(lambda self: self.bests_came)
    @rule(data=st.data())
    def best_comes_again(self, data: st.DataObject) -> None:
        self._hear_best(self.generation, data.draw(st.sampled_from(self.bests_came)))

    def follower(self) -> Follower[Any]:
        self.clock.observe(100_000, 100.0)  # as the Date of a reply has told before
        return TickerFollower(SPOT, "X", self.clock, None)

    def values(self, moment: int) -> dict[str, Any]:
        texts = {name: f"{moment}" for name, _ in SPOT.ticker_shape.full}
        close_ms = self._time_ms(moment)
        whole = {"openTime": 0, "closeTime": close_ms, "firstId": 1}
        return texts | whole | {"lastId": moment, "count": moment}

    def frame(self, moment: int) -> Arrival:
        values = self.values(moment)
        frame = {key: values[name] for name, key in SPOT.ticker_shape.full}
        payload = json.dumps(frame | {"E": self._time_ms(moment)}).encode()
        return Arrival(self.followed.confirming, payload, self.now, self.generation)

    def reply(self, moment: int) -> bytes:
        return json.dumps(self.values(moment)).encode()

    def shown(self) -> int:
        ticker = json.loads(self.view.full)
        moment, best = ticker["count"], int(ticker["bidPrice"])
        assert best == int(ticker["askPrice"]) == int(ticker["askQty"])
        assert ticker["closeTime"] == self._time_ms(moment)
        if best == self.late:
            self.best_shown, self.late = best, None
        assert best >= self.best_shown, "a best price went back"
        self.best_shown = best
        return int(moment)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 4.0]))
    def changes(self, seconds: float) -> None:
        super().changes(seconds)
        self._times()[self.moment] = int(self.now * 1000)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def rest_answers(self, data: st.DataObject) -> None:
        super().rest_answers(data)
        self.overtaken = set(self.bests)

    def _hear(self, generation: int, moment: int) -> None:
        super()._hear(generation, moment)
        self.overtaken = set(self.bests)

    def _hear_best(self, generation: int, moment: int) -> None:
        self._enter(generation)
        if (generation, moment) in self.overtaken:
            self.overtaken.discard((generation, moment))
            self.late = moment
        elif self.late is not None and moment > self.late:
            self.late = None  # what was shown late is overtaken again
        frame = {"u": moment} | dict.fromkeys("bBaA", f"{moment}")
        arrival = Arrival(
            self.followed.streams[1], json.dumps(frame).encode(), self.now, generation
        )
        view = self.followed.apply(arrival)
        if view is not None:
            self.view = view
        if generation == self.generation:
            self.bests_came.append(moment)

    def _enter(self, generation: int) -> None:
        super()._enter(generation)
        # They wait in one queue: what came before a reply or a message is heard before it.
        self.bests = [sent for sent in self.bests if sent[0] >= generation]
        self.under_way = [sent for sent in self.under_way if sent[0] >= generation]

    def _times(self) -> dict[int, int]:
        times: dict[int, int] = self.__dict__.setdefault("times", {1: 100_000})
        return times

    def _time_ms(self, moment: int) -> int:
        return self._times()[moment]


@MACHINES
def test_e11_nothing_of_a_ticker_goes_back_whichever_of_its_streams_is_late() -> None:
    run_state_machine_as_test(SpotDay, settings=SETTINGS)  # type: ignore[no-untyped-call]
    figure("E11", runs=RUNS, steps=STEPS)


def test_e11_a_ticker_older_than_the_book_ticker_takes_no_best_price_back() -> None:
    with scene("spot", NEW_YEAR_MS) as made:
        asked = f"{made.path('ticker/24hr')}?symbol=BTCUSDT"
        made.fetch("GET", asked)
        made.await_streams({"btcusdt@ticker", "btcusdt@bookTicker"})
        made.step(2_000)
        old = made.last_sent("btcusdt@ticker")
        assert old is not None
        shown = json.loads(made.fetch("GET", asked).body)
        for _ in range(full_or(200, 20)):
            made.step(390)
            made.sim.send("btcusdt@ticker", old.payload)
            made.settle()
            ticker = json.loads(made.fetch("GET", asked).body)
            now = json.loads(made.truth(asked))
            for name in ("bidPrice", "bidQty", "askPrice", "askQty"):
                assert ticker[name] == now[name]
            assert ticker["closeTime"] >= shown["closeTime"]
            assert ticker["count"] >= shown["count"]
            shown = ticker
