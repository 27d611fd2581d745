"""Which targets are served. Pure.

The path that is looked at here is, byte for byte, the path that is sent on.
"""

import re
from enum import Enum

# Binance's paths are made of these. Whatever else may be in one - dots that mean "up", a percent
# sign, a backslash, a semicolon, two slashes - somebody on the way could read as another path.
_PLAIN = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/|$))*")
_CONTROLS = re.compile(r"[\x00-\x20\x7f#]")  # in a query: a fragment, or what ends a line

# What moves assets out of an account, or lets others do so, as Binance's documents have it:
# https://developers.binance.com/docs/wallet, /docs/sub_account, /docs/margin_trading,
# /docs/gift_card, /docs/fiat. Whatever follows belongs to it.
_MOVING = re.compile(
    r"/(?:"
    r"[sw]api/v\d+/(?:"
    r"capital/withdraw|localentity/(?:broker/)?withdraw|fiat/withdraw|withdraw"
    r"|asset/transfer|futures/transfer|margin/(?:isolated/)?transfer"
    r"|portfolio/(?:bnb-transfer|asset-collection|auto-collection)"
    r"|sub-?account|managed-subaccount|broker|account/(?:api|enable|disable)"
    r"|giftcard|mining/hash-transfer"
    r")"
    r"|wapi/v\d+/(?:withdraw|sub-account|apirestrictions)"
    r")",
    re.IGNORECASE,
)
READS = ("GET", "HEAD", "OPTIONS")

# Of the wallet, the one list that ccxt reads before it trades, when it has a key.
_TRADING = re.compile(r"/(?:api/v3|fapi/v[123]|futures/data)(?:/.*)?")
_TRADING_READS = frozenset({"/sapi/v1/capital/config/getall"})


class Policy(Enum):
    """What of the market's host is served."""

    ALL = "all"  # but for what moves assets out
    TRADING = "trading"  # market data, accounts and orders


def is_plain(target: str) -> bool:
    """Whether a raw target can be read in one way only."""
    path, _, query = target.partition("?")
    return _PLAIN.fullmatch(path) is not None and _is_safe(query)


def _is_safe(query: str) -> bool:
    return query.isascii() and _CONTROLS.search(query) is None


def serves(policy: Policy, method: str, path: str, *, may_move_assets: bool) -> bool:
    """Whether a request is served.

    Reading is always harmless: of what the table names, only that which changes something is not
    served.

    Args:
        policy: what is.
        method: of the request.
        path: raw and plain.
        may_move_assets: whether that is wanted, too.
    """
    if method not in READS and not may_move_assets and _MOVING.match(path):
        return False
    if policy is Policy.ALL:
        return True
    return _TRADING.fullmatch(path) is not None or (method in READS and path in _TRADING_READS)
