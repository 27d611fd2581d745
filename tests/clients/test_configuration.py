"""What README.md tells users to configure keeps every request of theirs on the proxy."""

from typing import Any

import pytest

from tests.clients import readme
from tests.clients.bot import STYLES, Bot, running_bot
from tests.clients.guard import Stranger, connecting_only_to
from tests.clients.world import World


@pytest.mark.parametrize("style", STYLES)
def test_markets_of_both_kinds_are_loaded_through_the_proxy_alone(world: World, style: str) -> None:
    world.forget()
    with running_bot("spot", style, readme.ccxt_config(*world.proxy.urls)) as bot:
        assert bot.source == "cache"
        symbols = bot.exchange.markets
    assert symbols["BTC/USDT"]["spot"]
    assert symbols["BTC/USDT:USDT"]["linear"]
    assert world.asked("spot") == world.asked("futures") == []


def test_the_ccxt_snippet_runs_as_it_is_printed(world: World) -> None:
    snippet = readme.ccxt_snippet(*world.proxy.urls)
    assert world.proxy.urls[0] in snippet
    names: dict[str, Any] = {}
    with connecting_only_to({int(url.rpartition(":")[2]) for url in world.proxy.urls}):
        exec(compile(snippet, "README.md", "exec"), names)
        rows = names["exchange"].fetch_ohlcv("BTC/USDT", "1m")
    assert len(rows) == 500


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("kind", "types"), [("spot", ["spot"]), ("swap", ["linear"])])
def test_freqtrade_s_two_clients_stay_on_the_proxy(
    world: World, style: str, kind: str, types: list[str]
) -> None:
    section = readme.freqtrade_exchange(*world.proxy.urls)
    assert section["enable_ws"] is False
    config = section["ccxt_config"]
    if style == "async":
        config |= section["ccxt_async_config"]
    assert config["options"]["fetchMarkets"] == {"types": ["spot"]}
    config["options"]["fetchMarkets"] = {"types": types}
    with running_bot(kind, style, config) as bot:
        symbols = {"spot": "BTC/USDT", "swap": "BTC/USDT:USDT"}
        assert len(bot.ask("fetch_ohlcv", symbols[kind], "5m", None, 1000)) == 1000
        loaded = {market["type"] for market in bot.exchange.markets.values()}
    assert kind in loaded
    assert ("spot" in loaded) == (types == ["spot"])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("left_out", "stranger"),
    [("fapiPublic", "fapi.binance.com"), ("fetchMarkets", "dapi.binance.com")],
)
def test_each_part_of_it_is_needed(world: World, style: str, left_out: str, stranger: str) -> None:
    config = readme.ccxt_config(*world.proxy.urls)
    for part in (config["urls"]["api"], config["options"]):
        part.pop(left_out, None)
    bot = Bot("spot", style, config)
    try:
        with pytest.raises(Stranger, match=stranger):
            bot.ask("load_markets")
    finally:
        bot.close()
