"""G4, G5: which targets are served, and which could be read in two ways."""

import pytest

from bpx.access.targets import Policy, is_plain, serves

PLAIN = [
    "/", "/api/v3/klines", "/api/v3/klines/", "/api/v3/klines?symbol=BTCUSDT&limit=5",
    "/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%5D", '/api/v3/ticker/24hr?symbols=["BTCUSDT"]',
    "/fapi/v1/order?a=//b/../c&d=%2e%2e%2f", "/api/v3/order?x=%00", "/x?y?z", "/x?", "/a.b/c_d-e",
    "/api/v3/x?a=b;c|d\\e^f`g{h}",
]  # fmt: skip
AMBIGUOUS = [
    "", "*", "x", "http://evil/api", "HTTP://evil", "//evil/api", "///", "/api//v3", "/api/v3//",
    "/.", "/..", "/../x", "/api/../sapi", "/api/v3/../../sapi/v1/capital", "/api/./v3", "/api/v3/.",
    "/api/v3/..", "/...", "/.hidden", "/%2e%2e/sapi", "/api/v3/..%2f..%2fsapi", "/api%2fv3",
    "/api/v3%2Forder", "/api/v3/%6frder", "/api/v3/order%00", "/api/v3/order%20", "/api/v3/..;/x",
    "/api/v3/order;x=1", "/api\\v3", "/api/v3/\\..\\x", "/@evil", "/api/v3:80", "/api/v3/order#x",
    "/api/v3/order?x#y", "/api/v3/order?x y", "/api/v3/order?x\ty", "/api/v3/order?x\r\ny",
    "/api/v3/order?\x00", "/api/v3/\x7f", "/api/v3/order?\x7f", "/\xe9", "/api/v3/order?\xe9",
    "/api/v3/\u2024\u2024/x", "/api/v3/~user", "/api/v3/a+b", "/api/v3/a,b", "/api/v3/'", "/%",
]  # fmt: skip


@pytest.mark.parametrize("target", PLAIN)
def test_g4_what_can_be_read_in_one_way_only_is_plain(target):
    assert is_plain(target)


@pytest.mark.parametrize("target", AMBIGUOUS)
def test_g4_what_can_be_read_in_more_than_one_way_is_not(target):
    assert not is_plain(target)


MOVES = [
    "/sapi/v1/capital/withdraw/apply", "/SAPI/v1/Capital/Withdraw/apply",
    "/sapi/v1/localentity/withdraw/apply", "/sapi/v1/fiat/withdraw", "/sapi/v1/asset/transfer",
    "/sapi/v1/futures/transfer", "/sapi/v1/margin/transfer", "/sapi/v1/margin/isolated/transfer",
    "/sapi/v1/sub-account/universalTransfer", "/sapi/v2/sub-account/subAccountApi/ipRestriction",
    "/sapi/v1/managed-subaccount/withdraw", "/sapi/v1/broker/subAccountApi",
    "/sapi/v1/account/enableFastWithdrawSwitch", "/sapi/v1/giftcard/createCode",
    "/sapi/v1/portfolio/bnb-transfer", "/wapi/v3/withdraw.html", "/sapi/v9/capital/withdraw/new",
]  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", MOVES)
def test_g5_what_moves_assets_needs_to_be_wanted(path, method):
    assert not serves(Policy.ALL, method, path, may_move_assets=False)
    assert serves(Policy.ALL, method, path, may_move_assets=True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sapi/v1/capital/withdraw/history"),
        ("GET", "/sapi/v1/capital/config/getall"),
        ("POST", "/sapi/v1/asset/dust"),
        ("POST", "/api/v3/order"),
        ("DELETE", "/fapi/v1/allOpenOrders"),
        ("POST", "/fapi/v1/listenKey"),
        ("POST", "/sapi/v1/margin/order"),
        ("GET", "/anything"),
    ],
)
def test_g5_everything_else_is_served(method, path):
    assert serves(Policy.ALL, method, path, may_move_assets=False)


@pytest.mark.parametrize(
    ("method", "path", "is_served"),
    [
        ("GET", "/api/v3/klines", True),
        ("POST", "/api/v3/order", True),
        ("GET", "/fapi/v1/exchangeInfo", True),
        ("GET", "/fapi/v2/account", True),
        ("GET", "/fapi/v3/positionRisk", True),
        ("GET", "/futures/data/openInterestHist", True),
        ("GET", "/sapi/v1/capital/config/getall", True),
        ("POST", "/sapi/v1/capital/config/getall", False),
        ("GET", "/sapi/v1/capital/deposit/address", False),
        ("POST", "/sapi/v1/margin/order", False),
        ("GET", "/api/v30/klines", False),
        ("GET", "/api/v1/klines", False),
        ("GET", "/API/v3/klines", False),
        ("GET", "/dapi/v1/klines", False),
        ("GET", "/", False),
    ],
)
def test_g5_trading_alone_is_market_data_accounts_and_orders(method, path, is_served):
    assert serves(Policy.TRADING, method, path, may_move_assets=False) is is_served
    assert not serves(Policy.TRADING, "POST", MOVES[0], may_move_assets=True)
