"""Errors become the exceptions that bots react to, whoever made them."""

from typing import Any

import ccxt
import pytest

from bpx.simulator.faults import Ending, RestFault
from tests.clients import readme
from tests.clients.bot import Bot, running_bot, with_orders
from tests.clients.world import World, running_world
from tests.proxy import free_port, running_proxy
from tests.waiting import eventually

SYMBOLS = {"spot": "BTC/USDT", "futures": "BTC/USDT:USDT"}
PUBLIC = {"spot": "publicGet", "futures": "fapiPublicGet"}
BTC = {"symbol": "BTCUSDT"}

# A path, parameters, ccxt's exception, and Binance's code where the markets have the same.
WRONG: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("Depth", {"symbol": "NOSUCH", "limit": 5}, ccxt.BadSymbol, "-1121"),
    ("Ticker24hr", {"symbol": "NOSUCH"}, ccxt.BadSymbol, "-1121"),
    ("Klines", {"symbol": "NOSUCH", "interval": "1m"}, ccxt.BadSymbol, "-1121"),
    ("Klines", {**BTC, "interval": "7m"}, ccxt.BadRequest, "-1120"),
    ("Klines", BTC, ccxt.BadRequest, "-1102"),
    ("Klines", {"interval": "1m"}, ccxt.BadRequest, "-1102"),
    ("Klines", {**BTC, "interval": "1m", "limit": 0}, ccxt.BadRequest, "-1130"),
    ("Klines", {**BTC, "interval": "1m", "startTime": "x"}, ccxt.BadRequest, ""),
    ("Depth", {**BTC, "limit": "many"}, ccxt.BadRequest, ""),
]


@pytest.mark.parametrize(("path", "params", "exception", "code"), WRONG)
def test_bad_input_gets_what_binance_says_and_ccxt_s_exception(
    bot: Bot,
    direct: Bot,
    path: str,
    params: dict[str, Any],
    exception: type[Exception],
    code: str,
) -> None:
    with pytest.raises(exception, match=f'"code":{code}') as ours:
        bot.ask(PUBLIC[bot.market] + path, params)
    with pytest.raises(type(ours.value)) as theirs:
        direct.ask(PUBLIC[bot.market] + path, params)
    assert str(ours.value) == str(theirs.value)


def test_an_unknown_symbol_asks_the_exchange_nothing(world: World, bot: Bot) -> None:
    connects = world.exchange(bot.market).connects
    with pytest.raises(ccxt.BadSymbol):
        bot.ask(PUBLIC[bot.market] + "Ticker24hr", {"symbol": "NOSUCH"})
    assert world.asked(bot.market) == []
    assert world.exchange(bot.market).connects == connects


@pytest.mark.parametrize(("name", "status"), [("spot-sync", 429), ("usdm-async", 418)])
def test_during_a_hold_only_streams_are_answered_and_the_exchange_is_left_alone(
    world: World, bots: dict[str, Bot], name: str, status: int
) -> None:
    bot = bots[name]
    symbol = SYMBOLS[bot.market]

    def followed() -> bool:
        bot.ask("fetch_ohlcv", symbol, "1h", None, 50)  # none ends meanwhile
        return bot.source == "websocket"

    def is_over() -> bool:
        try:
            bot.ask("fetch_time")
        except ccxt.DDoSProtection:
            return False
        return True

    eventually(followed)
    prefix = "/api/v3" if bot.market == "spot" else "/fapi/v1"
    body = b'{"code":-1003,"msg":"Way too many requests; slow down."}'
    fault = RestFault(f"{prefix}/time", status=status, body=body, headers={"Retry-After": "5"})
    world.exchange(bot.market).faults.break_rest(fault, times=1)
    with pytest.raises(ccxt.DDoSProtection, match="slow down"):
        bot.ask("fetch_time")
    assert bot.source == "upstream"
    world.forget()
    with pytest.raises(ccxt.DDoSProtection, match=f"{status} .*slow down"):
        bot.ask("fetch_trades", symbol)
    assert bot.source == "proxy"
    assert 1 <= int(bot.exchange.last_response_headers["Retry-After"]) <= 5
    assert followed()
    assert world.asked(bot.market) == []
    eventually(is_over, 20.0)
    assert world.asked(bot.market) == [f"{prefix}/ping", f"{prefix}/time"], "a probe goes first"


def test_a_read_whose_answer_breaks_off_is_a_failure_of_the_moment(world: World, bot: Bot) -> None:
    """ccxt takes any 200: half a body would become rows of None."""
    exchange = world.exchange(bot.market)
    exchange.faults.break_rest(RestFault(ending=Ending.HALF))
    with pytest.raises(ccxt.OperationFailed, match="-1001"):
        bot.ask("fetch_trades", SYMBOLS[bot.market])
    assert bot.source == "proxy"
    exchange.faults.clear()
    assert bot.ask("fetch_trades", SYMBOLS[bot.market])


@pytest.mark.parametrize(
    ("status", "body", "exception"),
    [
        (503, b'{"code":-1008,"msg":"Request throttled."}', ccxt.ExchangeError),
        (502, b"<html><h1>502 Bad Gateway</h1></html>", ccxt.ExchangeNotAvailable),
        (504, b'{"code":-1007,"msg":"Timeout waiting for response."}', ccxt.RequestTimeout),
    ],
)
def test_what_binance_says_of_itself_is_passed_on(
    world: World, bot: Bot, status: int, body: bytes, exception: type[Exception]
) -> None:
    faults = world.exchange(bot.market).faults
    faults.break_rest(RestFault(status=status, body=body))
    with pytest.raises(exception):
        bot.ask("fetch_time")
    faults.clear()
    assert (bot.exchange.last_http_response, bot.source) == (body.decode(), "upstream")


def test_a_firewalls_word_is_passed_on_and_heeded() -> None:
    page = b"<html>Forbidden</html>"
    with running_world() as world:
        bot = Bot("spot", "sync", with_orders(readme.ccxt_config(*world.proxy.urls)))
        world.spot.faults.break_rest(RestFault(status=403, body=page), times=1)
        with pytest.raises(ccxt.ExchangeNotAvailable):
            bot.ask("fetch_time")
        assert (bot.exchange.last_http_response, bot.source) == (page.decode(), "upstream")
        with pytest.raises(ccxt.OperationFailed, match="-1001"):
            bot.ask("fetch_time")
        assert bot.source == "proxy"
        bot.close()


def test_an_exchange_that_is_not_there_is_a_failure_of_the_moment() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {"BPX_UPSTREAM_SPOT_REST": nowhere, "BPX_UPSTREAM_FUTURES_REST": nowhere}
    with running_proxy("both", env) as proxy:
        config = with_orders(readme.ccxt_config(*proxy.urls))
        bot = Bot("spot", "sync", config)
        for call in ("fetch_time", "load_markets"):
            with pytest.raises(ccxt.OperationFailed, match="-1001"):
                bot.ask(call)
        with pytest.raises(ccxt.OperationFailed, match="-1001"):
            bot.ask("privatePostOrder", {"symbol": "BTCUSDT"})
        assert bot.exchange.last_response_headers["Retry-After"] == "1"
        bot.close()


def test_a_spent_budget_is_ccxt_s_ddos_protection_and_not_a_hang() -> None:
    young_minute_ms = 1_795_348_801_000
    with running_world(young_minute_ms) as world:
        config = readme.ccxt_config(*world.proxy.urls)
        with running_bot("spot", "sync", config) as bot:
            for _ in range(16):  # of weight 250 each, of 70 % of 6,000
                bot.ask("fetch_order_book", "BTC/USDT", 5000)
            with pytest.raises(ccxt.DDoSProtection, match="-1003"):
                bot.ask("fetch_order_book", "BTC/USDT", 5000)
            assert bot.source == "proxy"
            left_s = 60 - world.spot.now_ms % 60_000 / 1000  # by now; of the exchange's minute
            assert left_s <= int(bot.exchange.last_response_headers["Retry-After"]) < 60
            assert bot.ask("fetch_order_book", "BTC/USDT", 20)
        assert {asked.status for asked in world.spot.requests} == {200}
