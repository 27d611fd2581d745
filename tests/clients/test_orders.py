"""What carries a signature reaches the exchange once, as the bot signed it."""

from typing import Any

import ccxt
import pytest

from bpx.simulator.account import Delivery
from bpx.simulator.faults import Ending, RestFault
from tests.clients.bot import Bot
from tests.clients.world import KEY, World

SYMBOLS = {"spot": "BTC/USDT", "futures": "BTC/USDT:USDT"}
ACCOUNTS = {"spot": "/api/v3/account", "futures": "/fapi/v3/account"}
ORDERS = {"spot": "/api/v3/order", "futures": "/fapi/v1/order"}
FAR_BELOW = 30_000  # a price that nothing trades at: the order rests


def deliver(world: World, bot: Bot, call: str, *arguments: Any) -> tuple[Any, Delivery]:
    """Make a call of which one signed request has to arrive, as it was sent."""
    world.forget()
    result = bot.ask(call, *arguments)
    (delivery,) = world.delivered(bot.market)
    target, body = bot.sent
    assert (delivery.target, delivery.body) == (target, body)
    assert delivery.headers["x-mbx-apikey"] == KEY
    assert delivery.verified
    assert delivery.status == 200
    assert bot.source == "upstream"
    return result, delivery


def open_order(bot: Bot, **params: str) -> tuple[Any, ...]:
    return SYMBOLS[bot.market], "limit", "buy", 0.002, FAR_BELOW, params


def test_the_life_of_an_order(world: World, bot: Bot) -> None:
    symbol = SYMBOLS[bot.market]
    order, posted = deliver(world, bot, "create_order", *open_order(bot))
    assert (posted.method, posted.target) == ("POST", ORDERS[bot.market])
    assert posted.order_id == int(order["id"])

    resting, read = deliver(world, bot, "fetch_open_orders", symbol)
    assert read.method == "GET"
    assert [(one["id"], one["price"], one["amount"]) for one in resting] == [
        (order["id"], 30_000.0, 0.002)
    ]
    _, deleted = deliver(world, bot, "cancel_order", order["id"], symbol)
    assert (deleted.method, deleted.body) == ("DELETE", b"")
    assert deliver(world, bot, "fetch_open_orders", symbol)[0] == []
    assert deliver(world, bot, "fetch_order", order["id"], symbol)[0]["status"] == "canceled"


def test_a_balance_is_the_exchange_s(world: World, bot: Bot) -> None:
    balance, delivery = deliver(world, bot, "fetch_balance")
    assert delivery.target.partition("?")[0] == ACCOUNTS[bot.market]
    account = world.exchange(bot.market).venue.account
    assert balance["USDT"]["free"] == float(account.free["USDT"])


def test_an_id_that_has_to_be_escaped_arrives_as_it_was_escaped(world: World, bot: Bot) -> None:
    name = f"desk:7/{bot.exchange.id}.{id(bot)}"
    order, posted = deliver(world, bot, "create_order", *open_order(bot, newClientOrderId=name))
    assert b"newClientOrderId=desk%3A7%2F" in posted.body
    assert order["clientOrderId"] == name
    deliver(world, bot, "cancel_order", order["id"], SYMBOLS[bot.market])


def test_many_orders_at_once_are_as_many_orders(world: World, bots: dict[str, Bot]) -> None:
    for kind in ("spot", "usdm"):
        bot = bots[f"{kind}-async"]
        world.forget()
        orders = bot.ask_all([("create_order", *open_order(bot))] * 20)
        ids = sorted(int(order["id"]) for order in orders)
        deliveries = world.delivered(bot.market)
        assert sorted(one.order_id or 0 for one in deliveries) == ids
        assert len(set(ids)) == 20
        assert all(one.verified for one in deliveries)
        bot.ask("cancel_all_orders", SYMBOLS[bot.market])
        assert bot.ask("fetch_open_orders", SYMBOLS[bot.market]) == []


def test_an_order_that_the_exchange_refuses_is_refused_in_its_words(world: World, bot: Bot) -> None:
    world.forget()
    with pytest.raises(ccxt.InvalidOrder, match="-2013"):
        bot.ask("fetch_order", "1", SYMBOLS[bot.market])
    assert len(world.delivered(bot.market)) == 1


def test_an_order_without_an_answer_is_delivered_once_and_its_outcome_called_unknown(
    world: World, bot: Bot
) -> None:
    world.forget()
    exchange = world.exchange(bot.market)
    exchange.faults.break_rest(RestFault(method="POST", ending=Ending.CLOSE), times=1)
    with pytest.raises(ccxt.RequestTimeout, match="execution status unknown"):
        bot.ask("create_order", *open_order(bot))
    assert (bot.source, bot.exchange.last_response_headers["Content-Type"]) == (
        "proxy",
        "application/json;charset=UTF-8",
    )
    (delivery,) = world.delivered(bot.market)
    assert delivery.order_id is not None
    symbol = SYMBOLS[bot.market]
    assert [one["id"] for one in bot.ask("fetch_open_orders", symbol)] == [str(delivery.order_id)]
    bot.ask("cancel_order", str(delivery.order_id), symbol)
