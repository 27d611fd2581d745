"""exchangeInfo, and what depends on it: E12."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from bpx.simulator.faults import RestFault
from tests.faults.figures import figure
from tests.faults.inside import Inside, inside
from tests.faults.scale import full_or
from tests.waiting import eventually

REFRESH_S = 0.5
MARKETS = pytest.mark.parametrize("market", ["spot", "futures"])
OPTIONS = {"BPX_FRESH_EXCHANGE_INFO": f"{int(REFRESH_S * 1000)}ms"}
VARIANTS = {
    "spot": (
        "",
        "?symbol=BTCUSDT",
        "?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D",
        '?symbols=["ETHUSDT","BTCUSDT"]',
        "?permissions=SPOT",
        '?permissions=["MARGIN","LEVERAGED"]',
        "?symbolStatus=BREAK",
        "?showPermissionSets=false",
        "?symbol=NOSUCH",
        "?symbol=BTCUSDT&permissions=SPOT",
    ),
    "futures": ("", "?symbol=BTCUSDT"),
}
FOLLOWED = (
    "klines?symbol={}&interval=1m&limit=2",
    "depth?symbol={}&limit=5",
    "ticker/24hr?symbol={}",
)


def relist(here: Inside, symbol: str, status: str | None) -> None:
    venue = here.exchange.venue
    here.exchange.call(lambda: venue.list_as(symbol, status))  # type: ignore[attr-defined]


def shown(here: Inside, symbol: str) -> str | None:
    """Return the status that the proxy shows of a symbol, None if it shows none."""
    symbols = {row["symbol"]: row["status"] for row in here.ask("exchangeInfo").content["symbols"]}
    return symbols.get(symbol)


@MARKETS
def test_e12_every_part_of_the_document_is_the_exchanges(market: str) -> None:
    with inside(market, paused=True, **OPTIONS) as here:
        for variant in VARIANTS[market]:
            for _ in range(full_or(20, 2)):
                asked = f"exchangeInfo{variant}"
                assert here.ask(asked).body == here.truth(asked), variant
        assert here.ask("exchangeInfo").source == "cache"


@MARKETS
def test_e12_a_change_of_status_shows_within_the_time_that_the_document_may_be_old(
    market: str,
) -> None:
    wanted = [endpoint.format("ETHUSDT") for endpoint in FOLLOWED]
    with inside(market, **OPTIONS) as here:
        here.follow(*wanted, FOLLOWED[0].format("BTCUSDT"))
        streams = {name for name in here.subscribed() if name.startswith("ethusdt@")}
        assert len(streams) >= 3
        for status in ("BREAK", "CANCEL_ONLY", "HALT"):
            relist(here, "ETHUSDT", status)
            eventually(lambda now=status: shown(here, "ETHUSDT") == now, REFRESH_S + full_or(2, 10))
            eventually(lambda: not here.subscribed() & streams)
            assert "btcusdt@kline_1m" in here.subscribed()
            assert [here.ask(asked).source for asked in wanted] == ["upstream"] * 3
            relist(here, "ETHUSDT", "TRADING")
            eventually(lambda: shown(here, "ETHUSDT") == "TRADING", REFRESH_S + full_or(2, 10))
            here.follow(*wanted)


@MARKETS
def test_e12_the_streams_of_a_symbol_that_is_removed_are_closed(market: str) -> None:
    wanted = [endpoint.format("XRPUSDT") for endpoint in FOLLOWED]
    with inside(market, **OPTIONS) as here:
        here.follow(*wanted)
        relist(here, "XRPUSDT", None)
        eventually(lambda: shown(here, "XRPUSDT") is None)
        eventually(lambda: not any("xrpusdt" in name for name in here.subscribed()))
        for asked in wanted:
            answer = here.ask(asked)
            assert (answer.status, answer.body) == (400, here.truth(asked))
        house = here.app.extensions["bpx.house"]
        followed = (house.klines, house.depth, house.tickers)
        eventually(lambda: [len(feeds) for feeds in followed] == [0, 0, 0])


def test_e12_who_waits_while_a_symbol_is_removed_is_answered() -> None:
    with inside("spot", **OPTIONS) as here, ThreadPoolExecutor() as pool:
        here.exchange.faults.silence("*@depth*")  # else the stream answers
        here.exchange.faults.break_rest(RestFault("/api/v3/depth", delay_s=4.5), times=1)
        waiting = pool.submit(here.ask, "depth?symbol=XRPUSDT&limit=5")
        eventually(lambda: here.asked("depth") == 1)
        relist(here, "XRPUSDT", None)
        answer = waiting.result()
    figure("E12", waited_s=answer.took_s)
    assert answer.took_s < 4.5
    assert json.loads(answer.body)["code"] == -1121
