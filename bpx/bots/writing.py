"""Configurations that send a bot's market data through the proxy.

What the keys mean: ccxt's `urls.api` and `options.fetchMarkets`
(https://docs.ccxt.com/#/README?id=overriding-exchange-properties-upon-instantiation), freqtrade's
`exchange` (https://www.freqtrade.io/en/stable/configuration/).
"""

from collections.abc import Mapping
from typing import Any

TYPES = {"spot": ["spot"], "futures": ["linear"]}


def ccxt_config(market: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return what ccxt is to be made with.

    Orders go to Binance itself: only public paths are changed.

    Args:
        market: "spot" or "futures".
        urls: of the proxy, by market.
    """
    api = {"public": f"{urls['spot']}/api/v3"} if market == "spot" else {
        "fapiPublic": f"{urls['futures']}/fapi/v1",
        "fapiPublicV2": f"{urls['futures']}/fapi/v2",
        "fapiPublicV3": f"{urls['futures']}/fapi/v3",
        "fapiData": f"{urls['futures']}/futures/data",
    }  # fmt: skip
    return {
        "enableRateLimit": False,
        "urls": {"api": api},
        "options": {"fetchMarkets": {"types": TYPES[market]}},
    }


def freqtrade_config(market: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the part of a configuration that makes freqtrade ask the proxy."""
    exchange = {
        "name": "binance",
        "enable_ws": False,
        "ccxt_config": ccxt_config(market, urls),
        "ccxt_async_config": {"enableRateLimit": False},
    }
    if market == "spot":
        return {"trading_mode": "spot", "exchange": exchange}
    pricing = {"price_side": "same", "use_order_book": True, "order_book_top": 1}
    return {
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "exchange": exchange,
        "entry_pricing": pricing,
        "exit_pricing": pricing,
    }
