"""The routes of each market: path, method, weight, known parameters, answer."""

from dataclasses import dataclass

from bpx.simulator.rest import (
    books,
    exchange_info,
    futures,
    klines,
    sapi,
    signed,
    tickers,
    trades,
    wallet,
    weights,
)
from bpx.simulator.rest.call import Answer, Call
from bpx.simulator.rest.weights import Weigh, by_symbol, flat


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `known` is None where any parameter is read (signed ones)."""

    weigh: Weigh
    known: frozenset[str] | None
    answer: Answer
    is_free_on_success: bool = False  # successful orders weigh nothing
    is_funding: bool = False  # counted in a pool of its own, no weight header


def ping(_call: Call) -> bytes:
    """Answer ping."""
    return b"{}"


def time(call: Call) -> bytes:
    """Answer time."""
    return f'{{"serverTime":{call.at_ms}{"000" if call.is_micro else ""}}}'.encode()


def _open(weigh: Weigh | int, known: str, answer: Answer) -> Route:
    weigh = flat(weigh) if isinstance(weigh, int) else weigh
    return Route(weigh, frozenset(known.split()), answer)


def _funding(known: str, answer: Answer) -> Route:
    return Route(flat(0), frozenset(known.split()), answer, is_funding=True)


def _keyed(weight: int, answer: Answer) -> Route:
    return Route(flat(weight), None, answer)


def _order(answer: Answer) -> Route:
    return Route(flat(1), None, answer, is_free_on_success=True)


Routes = dict[tuple[str, str], Route]  # by (path, method)

_TIMES = "startTime endTime limit"
_SPOT_SYMBOLS = "symbol symbols symbolStatus"

SPOT: Routes = {
    ("/api/v3/ping", "GET"): _open(1, "", ping),
    ("/api/v3/time", "GET"): _open(1, "", time),
    ("/api/v3/exchangeInfo", "GET"): _open(
        20, "symbol symbols permissions symbolStatus showPermissionSets", exchange_info.spot
    ),
    ("/api/v3/depth", "GET"): _open(weights.SPOT_DEPTH, "symbol limit symbolStatus", books.depth),
    ("/api/v3/trades", "GET"): _open(25, "symbol limit", trades.trades),
    ("/api/v3/historicalTrades", "GET"): _open(25, "symbol limit fromId", trades.historical_trades),
    ("/api/v3/aggTrades", "GET"): _open(4, f"symbol fromId {_TIMES}", trades.aggregate_trades),
    ("/api/v3/klines", "GET"): _open(2, f"symbol interval {_TIMES} timeZone", klines.klines),
    ("/api/v3/uiKlines", "GET"): _open(2, f"symbol interval {_TIMES} timeZone", klines.klines),
    ("/api/v3/avgPrice", "GET"): _open(2, "symbol", trades.average),
    ("/api/v3/ticker/24hr", "GET"): _open(
        weights.spot_day_ticker, f"{_SPOT_SYMBOLS} type", tickers.day_ticker
    ),
    ("/api/v3/ticker", "GET"): _open(
        weights.spot_window_ticker, f"{_SPOT_SYMBOLS} type windowSize", tickers.rolling_ticker
    ),
    ("/api/v3/ticker/tradingDay", "GET"): _open(
        weights.spot_window_ticker, f"{_SPOT_SYMBOLS} type timeZone", tickers.trading_day
    ),
    ("/api/v3/ticker/price", "GET"): _open(by_symbol(2, 4), _SPOT_SYMBOLS, books.price),
    ("/api/v3/ticker/bookTicker", "GET"): _open(by_symbol(2, 4), _SPOT_SYMBOLS, books.book_ticker),
    ("/api/v3/account", "GET"): _keyed(20, wallet.spot_account),
    ("/api/v3/myTrades", "GET"): _keyed(20, signed.my_trades),
    ("/api/v3/order", "GET"): _keyed(4, signed.query_order),
    ("/api/v3/order", "POST"): _order(signed.place_order),
    ("/api/v3/order", "DELETE"): _order(signed.cancel_order),
    ("/api/v3/order/test", "POST"): _keyed(1, signed.test_order),
    ("/api/v3/order/cancelReplace", "POST"): _order(signed.cancel_replace),
    ("/api/v3/openOrders", "GET"): _keyed(6, signed.open_orders),
    ("/api/v3/openOrders", "DELETE"): _order(signed.cancel_open_orders),
    ("/sapi/v1/capital/config/getall", "GET"): _keyed(10, sapi.coins),
    ("/sapi/v1/margin/allPairs", "GET"): _keyed(1, sapi.margin_pairs),
    ("/sapi/v1/margin/isolated/allPairs", "GET"): _keyed(10, sapi.isolated_pairs),
    ("/sapi/v1/system/status", "GET"): _keyed(1, sapi.system_status),
}

_KLINES = weights.FUTURES_KLINES

FUTURES: Routes = {
    ("/fapi/v1/ping", "GET"): _open(1, "", ping),
    ("/fapi/v1/time", "GET"): _open(1, "", time),
    ("/fapi/v1/exchangeInfo", "GET"): _open(1, "", exchange_info.futures),
    ("/fapi/v1/depth", "GET"): _open(weights.FUTURES_DEPTH, "symbol limit", books.depth),
    ("/fapi/v1/trades", "GET"): _open(5, "symbol limit", trades.trades),
    ("/fapi/v1/historicalTrades", "GET"): _open(
        200, "symbol limit fromId", trades.historical_trades
    ),
    ("/fapi/v1/aggTrades", "GET"): _open(20, f"symbol fromId {_TIMES}", trades.aggregate_trades),
    ("/fapi/v1/klines", "GET"): _open(_KLINES, f"symbol interval {_TIMES}", klines.klines),
    ("/fapi/v1/continuousKlines", "GET"): _open(
        _KLINES, f"pair contractType interval {_TIMES}", klines.continuous_klines
    ),
    ("/fapi/v1/indexPriceKlines", "GET"): _open(
        _KLINES, f"pair interval {_TIMES}", klines.index_price_klines
    ),
    ("/fapi/v1/markPriceKlines", "GET"): _open(
        _KLINES, f"symbol interval {_TIMES}", klines.mark_price_klines
    ),
    ("/fapi/v1/premiumIndexKlines", "GET"): _open(
        _KLINES, f"symbol interval {_TIMES}", klines.premium_index_klines
    ),
    ("/fapi/v1/premiumIndex", "GET"): _open(by_symbol(1, 10), "symbol", futures.premium_index),
    ("/fapi/v1/fundingRate", "GET"): _funding(f"symbol {_TIMES}", futures.funding_rates),
    ("/fapi/v1/fundingInfo", "GET"): _funding("", futures.funding_info),
    ("/fapi/v1/openInterest", "GET"): _open(1, "symbol", futures.open_interest),
    ("/fapi/v1/ticker/24hr", "GET"): _open(by_symbol(1, 40), "symbol", tickers.day_ticker),
    ("/fapi/v1/ticker/price", "GET"): _open(by_symbol(1, 2), "symbol", books.price),
    ("/fapi/v2/ticker/price", "GET"): _open(by_symbol(1, 2), "symbol", books.price),
    ("/fapi/v1/ticker/bookTicker", "GET"): _open(by_symbol(2, 5), "symbol", books.book_ticker),
    ("/fapi/v2/account", "GET"): _keyed(5, wallet.futures_account),
    ("/fapi/v3/account", "GET"): _keyed(5, wallet.futures_account),
    ("/fapi/v2/balance", "GET"): _keyed(5, wallet.futures_balance),
    ("/fapi/v3/balance", "GET"): _keyed(5, wallet.futures_balance),
    ("/fapi/v2/positionRisk", "GET"): _keyed(5, wallet.position_risk),
    ("/fapi/v3/positionRisk", "GET"): _keyed(5, wallet.position_risk),
    ("/fapi/v1/leverageBracket", "GET"): _keyed(1, wallet.leverage_brackets),
    ("/fapi/v1/positionSide/dual", "GET"): _keyed(30, wallet.dual_side),
    ("/fapi/v1/leverage", "POST"): _keyed(1, wallet.set_leverage),
    ("/fapi/v1/order", "GET"): _keyed(1, signed.query_order),
    ("/fapi/v1/order", "POST"): _order(signed.place_order),
    ("/fapi/v1/order", "PUT"): _order(signed.amend_order),
    ("/fapi/v1/order", "DELETE"): _order(signed.cancel_order),
    ("/fapi/v1/order/test", "POST"): _keyed(1, signed.test_order),
    ("/fapi/v1/openOrders", "GET"): _keyed(40, signed.open_orders),
    ("/fapi/v1/allOpenOrders", "DELETE"): _order(signed.cancel_open_orders),
    ("/fapi/v1/userTrades", "GET"): _keyed(5, signed.my_trades),
}

ROUTES: dict[str, Routes] = {"spot": SPOT, "futures": FUTURES}
