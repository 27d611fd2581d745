"""What is written is taken by the real ccxt, and everything public of it goes to the proxy."""

import ccxt
import pytest

from bpx.bots.diagnosis import diagnose
from bpx.bots.writing import ccxt_config, freqtrade_config

URLS = {"spot": "http://127.0.0.1:18090", "futures": "http://127.0.0.1:18091"}


class Refusing(ccxt.binance):
    """Notes what it would ask."""

    def fetch(self, url, method="GET", headers=None, body=None):
        self.asked = [*getattr(self, "asked", []), url]
        raise ccxt.ExchangeNotAvailable(url)


def asked_by(market: str, call: str, *args: object) -> str:
    """Return the first address that a call of ccxt asks."""
    exchange = Refusing(ccxt_config(market, URLS) | {"options": {"defaultType": market}})
    symbol = "BTC/USDT" if market == "spot" else "BTC/USDT:USDT"
    described = {"id": "BTCUSDT", "symbol": symbol, "base": "BTC", "quote": "USDT",
                 "spot": market == "spot", "swap": market != "spot", "linear": market != "spot",
                 "inverse": False, "type": "spot" if market == "spot" else "swap",
                 "contract": market != "spot", "option": False, "future": False,
                 "settle": None if market == "spot" else "USDT", "active": True,
                 "info": {}, "precision": {}, "limits": {}}  # fmt: skip
    exchange.set_markets([exchange.safe_market_structure(described)])
    with pytest.raises(ccxt.ExchangeNotAvailable):
        getattr(exchange, call)(symbol, *args)
    return exchange.asked[0]


@pytest.mark.parametrize(
    ("market", "call", "path"),
    [
        ("spot", "fetch_ohlcv", "/api/v3/klines"),
        ("spot", "fetch_order_book", "/api/v3/depth"),
        ("spot", "fetch_ticker", "/api/v3/ticker/24hr"),
        ("futures", "fetch_ohlcv", "/fapi/v1/klines"),
        ("futures", "fetch_order_book", "/fapi/v1/depth"),
        ("futures", "fetch_funding_rate", "/fapi/v1/premiumIndex"),
        ("futures", "fetch_open_interest_history", "/futures/data/openInterestHist"),
    ],
)
def test_ccxt_asks_the_proxy(market: str, call: str, path: str) -> None:
    assert asked_by(market, call).startswith(URLS[market] + path)


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_of_its_own_configurations_the_doctor_has_nothing_to_say(market: str) -> None:
    assert diagnose(freqtrade_config(market, URLS)) == []
    assert diagnose(ccxt_config(market, URLS)) == []


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_only_the_market_that_is_traded_is_loaded(market: str) -> None:
    exchange = Refusing(ccxt_config(market, URLS))
    with pytest.raises(ccxt.ExchangeNotAvailable):
        exchange.load_markets()
    path = "/api/v3/exchangeInfo" if market == "spot" else "/fapi/v1/exchangeInfo"
    assert [url.partition("?")[0] for url in exchange.asked] == [URLS[market] + path]
