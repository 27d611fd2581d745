"""freqtrade's pattern: all pairs and timeframes at once, on new connections, after each candle."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from bpx.simulator.simulator import Simulator
from tests.clients import readme
from tests.clients.bot import Bot, running_bot
from tests.clients.world import World, running_world
from tests.waiting import eventually

EDGE_MS = 1_795_348_800_000  # a 1m, a 5m and a 1h candle end here
BEFORE_MS = 50_000  # not so early that another candle ends before
TIMEFRAMES = {"1m": 60_000, "5m": 300_000}
PATHS = {"spot": "/api/v3/klines", "futures": "/fapi/v1/klines"}
LIMITS = {"spot": 1000, "futures": 499}
PAIRS = 20
LATENCY_MS = 100  # the exchange's time is known as its messages come

Series = tuple[str, str]  # pair and timeframe
Rows = list[list[Any]]


@dataclass
class Freqtrade:
    """Twenty pairs in two timeframes, refreshed all at once."""

    bot: Bot
    world: World

    @property
    def series(self) -> list[Series]:
        """What is refreshed."""
        wanted = "spot" if self.bot.market == "spot" else "swap"
        markets = self.bot.exchange.markets.values()
        pairs = [one["symbol"] for one in markets if one["active"] and one["type"] == wanted]
        return [(pair, timeframe) for timeframe in TIMEFRAMES for pair in pairs[:PAIRS]]

    def refresh(self, some: list[Series] | None = None) -> dict[Series, Rows]:
        """Ask for every series at once, or for some; each on a connection of its own."""
        series = self.series if some is None else some
        self.bot.hang_up()
        limit = LIMITS[self.bot.market]
        answers = self.bot.ask_all([("fetch_ohlcv", *one, None, limit) for one in series])
        failures = [answer for answer in answers if isinstance(answer, Exception)]
        assert failures == []
        assert {len(rows) for rows in answers} == {limit}
        return dict(zip(series, answers, strict=True))

    @property
    def exchange(self) -> Simulator:
        """The exchange of its market."""
        return self.world.exchange(self.bot.market)

    def asked(self) -> list[str]:
        """Return the exchange's klines requests since `World.forget`."""
        path = PATHS[self.bot.market]
        return [target for target in self.world.asked(self.bot.market) if path in target]

    def closed_rows_of_rest(self) -> dict[Series, Rows]:
        """Return what the exchange says now of closed candles, past the network."""
        limit = LIMITS[self.bot.market]
        closed = {}
        for pair, timeframe in self.series:
            symbol = self.bot.exchange.market_id(pair)
            query = f"symbol={quote(symbol)}&interval={timeframe}&limit={limit}"
            reply = self.exchange.reply("GET", f"{PATHS[self.bot.market]}?{query}")
            rows = self.bot.exchange.parse_ohlcvs(json.loads(reply.body), limit=limit)
            closed[pair, timeframe] = rows[:-1]
        return closed


@pytest.fixture
def freqtrades() -> Iterator[list[Freqtrade]]:
    """A bot for each market, begun a little before an edge; all candles come from streams."""
    with ExitStack() as stack:
        world = stack.enter_context(running_world(EDGE_MS - BEFORE_MS))
        freqtrades = []
        for kind, types in (("spot", "spot"), ("swap", "linear")):
            config = readme.freqtrade_exchange(*world.proxy.urls)["ccxt_config"]
            config["options"]["fetchMarkets"]["types"] = [types]
            bot = stack.enter_context(running_bot(kind, "async", config))
            freqtrades.append(Freqtrade(bot, world))
            begin(freqtrades[-1])
        for freqtrade in freqtrades:
            now_ms = freqtrade.exchange.now_ms
            assert now_ms < EDGE_MS - 2_000
            freqtrade.exchange.step(EDGE_MS - 2_000 - now_ms)  # time enough to have heard of it
        world.forget()
        yield freqtrades


def begin(freqtrade: Freqtrade) -> None:
    series = freqtrade.series
    assert len(series) == PAIRS * len(TIMEFRAMES)
    freqtrade.world.forget()
    for timeframe in TIMEFRAMES:  # as many calls at once as there are connections for
        freqtrade.refresh([one for one in series if one[1] == timeframe])
    asked = freqtrade.asked()
    assert len(set(asked)) == len(series)
    # One call each, and on a slow machine another for what was not answered, or heard, in time.
    assert len(asked) < 1.5 * len(series)

    def asks_nothing() -> bool:
        freqtrade.world.forget()
        freqtrade.refresh()
        return freqtrade.asked() == []

    eventually(asks_nothing, 25.0)


@pytest.mark.timeout(150)
def test_what_a_refresh_says_of_a_closed_candle_is_final(freqtrades: list[Freqtrade]) -> None:
    refreshed: list[tuple[Freqtrade, int, dict[Series, Rows]]] = []
    while freqtrades[0].exchange.now_ms < EDGE_MS + 1_000:  # sooner than freqtrade asks
        for freqtrade in freqtrades:
            asked_ms = freqtrade.exchange.now_ms
            refreshed.append((freqtrade, asked_ms, freqtrade.refresh()))
    assert {freqtrade.bot.market for freqtrade, _, _ in refreshed} == {"spot", "futures"}
    final = {freqtrade.bot.market: final_rows(freqtrade) for freqtrade in freqtrades}
    for freqtrade, asked_ms, answers in refreshed:
        for one, rows in answers.items():
            length_ms = TIMEFRAMES[one[1]]
            known_ms = asked_ms - LATENCY_MS
            assert rows[-1][0] >= known_ms // length_ms * length_ms, (one, "is a candle behind")
            known = {row[0]: row for row in final[freqtrade.bot.market][one]}
            assert [row for row in rows[:-1] if row != known.get(row[0], row)] == [], one


def final_rows(freqtrade: Freqtrade) -> dict[Series, Rows]:
    """Refresh when freqtrade does, a second after the edge; return the closed rows, for good."""
    eventually(lambda: freqtrade.exchange.now_ms >= EDGE_MS + 1_000)
    began_ms = freqtrade.exchange.now_ms
    latest = freqtrade.refresh()
    assert freqtrade.exchange.now_ms - began_ms < 20_000
    assert {rows[-1][0] for rows in latest.values()} == {EDGE_MS}
    final = freqtrade.closed_rows_of_rest()
    assert {one: rows[:-1] for one, rows in latest.items()} == final
    assert len(freqtrade.asked()) <= 2 * len(freqtrade.series)
    assert {asked.status for asked in freqtrade.exchange.requests} <= {200}
    return final
