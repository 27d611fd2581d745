"""Two connections that deliver the same streams at once, while one replaces the other: B16.

Whatever comes late or again changes nothing of what a follower shows, and does not upset it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpx.errors import OutOfSync
from bpx.exchange.futures import FUTURES
from bpx.exchange.market import Market
from bpx.exchange.spot import SPOT
from bpx.feed.depth import DepthFollower
from bpx.feed.klines import KlineFollower
from bpx.feed.ticker import TickerFollower
from bpx.state.clock import ExchangeClock
from bpx.streams.tap import Arrival
from tests.faults.scale import full_or
from tests.state.series import Series


@st.composite
def deliveries(draw: st.DrawFn, most: int) -> list[int]:
    """Draw in which order the messages 0 to `most` - 1 come of two connections.

    The old one brings them from the first up to some point; the new one from some point before
    that to the last. Each keeps their order.
    """
    old_ends = draw(st.integers(0, most))
    new_begins = draw(st.integers(0, old_ends))
    old, new = list(range(old_ends)), list(range(new_begins, most))
    order = []
    while old or new:
        source = old if old and (not new or draw(st.booleans())) else new
        order.append(source.pop(0))
    return order


@st.composite
def lagging(draw: st.DrawFn, most: int) -> list[int]:
    """Draw an order in which nothing is early: of each message the first copy comes in its turn."""
    order: list[int] = []
    for number in range(most):
        order.append(number)
        for _ in range(draw(st.integers(0, 2))):
            order.append(draw(st.integers(0, number)))
    return order


pytestmark = pytest.mark.timeout(full_or(1200, 300))  # they compute all the time

CASES = ["klines", "depth", "ticker"]
BOTH = pytest.mark.parametrize("market", [SPOT, FUTURES], ids=["spot", "futures"])


@BOTH
@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=full_or(1_000, 60), deadline=None)
@given(data=st.data())
def test_b16_late_and_repeated_messages_change_nothing(
    market: Market, kind: str, data: st.DataObject
) -> None:
    messages = data.draw(CONTENTS[kind](market))
    clean = FollowedBy(kind, market)
    states = [clean.take(message) for message in messages]
    doubled = FollowedBy(kind, market)
    newest = -1
    for number in data.draw(lagging(len(messages))):
        shown = doubled.take(messages[number])
        newest = max(newest, number)
        assert shown == states[newest]


@BOTH
@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=full_or(1_000, 60), deadline=None)
@given(data=st.data())
def test_b16_two_connections_at_once_come_to_what_one_comes_to(
    market: Market, kind: str, data: st.DataObject
) -> None:
    messages = data.draw(CONTENTS[kind](market))
    clean, doubled = FollowedBy(kind, market), FollowedBy(kind, market)
    for message in messages:
        clean.take(message)
    for number in data.draw(deliveries(len(messages))):
        doubled.take(messages[number], is_repaired=True)
    assert doubled.shown == clean.shown


@dataclass(frozen=True)
class Said:
    """A message of a stream, and what REST says at that moment, where that is needed."""

    arrival: Arrival
    rest: bytes = b""


class FollowedBy:
    """A follower that has begun, and what it shows."""

    def __init__(self, kind: str, market: Market) -> None:
        clock = ExchangeClock()
        self._follower: Any = {
            "klines": lambda: KlineFollower(market, "X", market.intervals["1m"], clock),
            "depth": lambda: DepthFollower(market, "X", clock),
            "ticker": lambda: TickerFollower(market, "X", clock, None),
        }[kind]()
        self.shown: bytes | None = None
        if kind == "klines":
            self._load(rest_of(Series(3).moments[-1]))

    def take(self, said: Said, is_repaired: bool = False) -> bytes | None:
        """Take a message; return what is shown after it.

        Args:
            said: the message.
            is_repaired: whether REST is asked for what is missing before it, as a feed would.
        """
        try:
            view = self._follower.apply(said.arrival)
        except OutOfSync:
            assert is_repaired, "it was upset"
            self._load(said.rest)
        else:
            if view is not None:
                self._show(view)
        return self.shown

    def _load(self, body: bytes) -> None:
        self._show(self._follower.load(body, self._follower.question(3, None), 0.0, 0.0)[0])

    def _show(self, view: Any) -> None:
        if hasattr(view, "full"):
            self.shown = view.full
        elif hasattr(view, "depth"):
            self.shown = view.body(20)
        else:
            self.shown = b"".join(view.parts(3, False))


def rest_of(rows: Sequence[bytes]) -> bytes:
    return b"[%s]" % b",".join(b"[%s]" % row for row in rows[-3:])


@st.composite
def klines(draw: st.DrawFn, market: Market) -> list[Said]:
    series = Series(3)
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.integers(0, 3)):
            series.trade(draw(st.integers(1, 3)))
        else:
            series.roll(is_announced=draw(st.booleans()))
    name = KlineFollower(market, "X", market.intervals["1m"], ExchangeClock()).streams[0]
    arrivals = []
    for number, (kline, moment) in enumerate(series.frames):
        values = json.loads(b"[%s]" % kline.row.text)
        candle = dict(zip("tohlcvTqnVQB", values, strict=True)) | {"x": kline.final}
        frame = {"e": "kline", "E": 1_000 + number, "k": candle}
        arrival = Arrival(name, json.dumps(frame).encode(), 1.0, 0)
        arrivals.append(Said(arrival, rest_of(series.moments[moment])))
    return arrivals


@st.composite
def books(draw: st.DrawFn, market: Market) -> list[Said]:
    name = DepthFollower(market, "X", ExchangeClock()).streams[0]
    arrivals, update_id = [], 100
    for number in range(draw(st.integers(1, 15))):
        update_id += draw(st.integers(0, 2))
        levels = [[f"{update_id}", "1"]]
        if market is SPOT:
            frame: dict[str, Any] = {"lastUpdateId": update_id, "bids": levels, "asks": levels}
        else:
            frame = {"E": 500 + number, "T": 500, "u": update_id, "b": levels, "a": levels}
        arrivals.append(Said(Arrival(name, json.dumps(frame).encode(), 1.0, 0)))
    return arrivals


@st.composite
def tickers(draw: st.DrawFn, market: Market) -> list[Said]:
    streams = TickerFollower(market, "X", ExchangeClock(), None).streams
    arrivals, close_ms, update_id = [], 1_000, 10
    for number in range(draw(st.integers(1, 15))):
        name = draw(st.sampled_from(streams))
        if name == streams[0]:
            close_ms += draw(st.integers(0, 1))
            frame: dict[str, Any] = {key: f"{number}" for _, key in market.ticker_shape.full}
            frame |= {"O": 0, "C": close_ms, "F": 1, "L": number, "n": number, "E": 2_000 + number}
        else:
            update_id += 1
            frame = {"u": update_id} | dict.fromkeys("bBaA", f"{update_id}")
        arrivals.append(Said(Arrival(name, json.dumps(frame).encode(), 1.0, 0)))
    return arrivals


CONTENTS: dict[str, Callable[[Market], st.SearchStrategy[list[Said]]]] = {
    "klines": klines,
    "depth": books,
    "ticker": tickers,
}
