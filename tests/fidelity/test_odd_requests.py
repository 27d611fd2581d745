"""What bad and unusual requests get: what the exchange says, with its status and to the byte."""

import pytest

from tests.fidelity.scene import ROOT, Scene
from tests.fidelity.walk import Verdict

Walked = tuple[Scene, list[Verdict]]

OTHER = {"spot": "futures", "futures": "spot"}
SYMBOLS = ("", "=", "=btcusdt", "=NOSUCHUSDT", "=BTC-USDT", "=BTC%2FUSDT", "=BTCUSDT%20", "=%FF")
LIMITS = ("=0", "=-5", "=7", "=1001", "=1501", "=5001", "=abc", "=", "", "=5.0", "=%2B5", "=05")
INTERVALS = ("=2m", "=1s", "=1H", "=", "", "=60", "=1M&interval=1m")
TYPES = ("=MINI", "=FULL", "=FOO", "=mini", "=")
EXTRAS = {
    "klines": (
        "symbol=BTCUSDT",
        "interval=1m",
        "symbol=BTCUSDT&symbol=BTCUSDT&interval=1m",
        "symbol=BTCUSDT&symbol=ETHUSDT&interval=1m",
        "symbol=BTCUSDT&interval=1m&limit=5&limit=6",
        "symbol=BTCUSDT&interval=1m&limit=5&unknown=1",
        "symbol=BTCUSDT&interval=1m&limit=5&",
        "&symbol=BTCUSDT&interval=1m&limit=5",
        "symbol=BTCUSDT&interval=1m&limit=5&=",
        "SYMBOL=BTCUSDT&interval=1m&limit=5",
        "symbol=BTCUSDT&interval=1m&limit=5&startTime=1704060000000",
        "symbol=BTCUSDT&interval=1m&limit=5&endTime=1704060000000",
        "symbol=BTCUSDT&interval=1m&startTime=1704060000000&endTime=1704060300000",
        "symbol=BTCUSDT&interval=1m&startTime=1704060300000&endTime=1704060000000",
        "symbol=BTCUSDT&interval=1m&limit=5&startTime=abc",
        "symbol=BTCUSDT&interval=1d&limit=5&timeZone=8",
        "symbol=BTCUSDT&interval=1d&limit=5&timeZone=-3:30",
        "symbol=BTCUSDT&interval=1d&limit=5&timeZone=0",
        "symbol=BTCUSDT&interval=1d&limit=5&timeZone=99",
        "%73ymbol=BTCUSDT&interval=1m&limit=5",
        "symbol=%42TCUSDT&interval=1%6d&limit=%35",
    ),
    "depth": (
        "limit=5",
        "symbol=BTCUSDT",
        "symbol=BTCUSDT&limit=20&symbolStatus=TRADING",
        "symbol=BTCUSDT&limit=20&symbolStatus=BREAK",
        "symbol=BTCUSDT&limit=20&symbol=BTCUSDT",
        "symbol=BTCUSDT&limit=20&interval=1m",
    ),
    "ticker/24hr": (
        "symbol=BTCUSDT&symbolStatus=TRADING",
        "symbol=BTCUSDT&symbolStatus=HALT",
        'symbols=["BTCUSDT"]',
        'symbols=["BTCUSDT","ETHUSDT"]&type=MINI',
        "symbols=%5B%22BTCUSDT%22,%22BTCUSDT%22%5D",
        'symbols=["BTCUSDT","NOSUCH"]',
        "symbols=[]",
        "symbols=BTCUSDT",
        'symbol=BTCUSDT&symbols=["ETHUSDT"]',
        "symbol=BTCUSDT&type=MINI&type=MINI",
    ),
    "exchangeInfo": (
        "symbol=btcusdt",
        "symbol=NOSUCHUSDT",
        "symbol=",
        "symbols=[]",
        'symbols=["NOSUCHUSDT"]',
        'symbols=["BTCUSDT","BTCUSDT"]',
        'symbol=BTCUSDT&symbols=["BTCUSDT"]',
        "symbol=BTCUSDT&symbolStatus=TRADING",
        "permissions=TRD_GRP_004",
        "permissions=NOSUCH",
        'permissions=["SPOT","TRD_GRP_004"]',
        "symbolStatus=FOO",
        "showPermissionSets=maybe",
        "unknown=1",
    ),
}
PATHS = ("/", "//", "/api/v3/", "/fapi/v1/none", "/api/v3/klines/", "/API/v3/klines", "/api//v3/ping")


def queries(endpoint: str) -> list[str]:
    """Return the queries that are tried at an endpoint."""
    if endpoint == "klines":
        made = [f"symbol{text}&interval=1m&limit=5" for text in SYMBOLS]
        made += [f"symbol=BTCUSDT&interval{text}&limit=5" for text in INTERVALS]
        made += [f"symbol=BTCUSDT&interval=1m&limit{text}" for text in LIMITS]
    elif endpoint == "depth":
        made = [f"symbol{text}&limit=20" for text in SYMBOLS]
        made += [f"symbol=BTCUSDT&limit{text}" for text in LIMITS]
    elif endpoint == "ticker/24hr":
        made = [f"symbol{text}" for text in SYMBOLS]
        made += [f"symbol=BTCUSDT&type{text}" for text in TYPES]
    else:
        made = []
    return [*made, *EXTRAS[endpoint]]


CASES = [(endpoint, query) for endpoint in EXTRAS for query in queries(endpoint)]


def difference(scene: Scene, method: str, target: str, **headers: str) -> str | None:
    """Say how the proxy's answer differs from the exchange's, which stands still meanwhile."""
    ours = scene.fetch(method, target, **headers)
    theirs = scene.reply(method, target, **headers)
    body = b"" if method == "HEAD" else theirs.body
    if (ours.status, ours.body) == (theirs.status, body):
        return None
    return f"{method} {target} {headers}: {ours} instead of {theirs.status} {body[:300]!r}"


@pytest.mark.parametrize("endpoint", EXTRAS)
def test_bad_and_unusual_parameters_get_what_the_exchange_says(
    minutes: Walked, endpoint: str
) -> None:
    scene = minutes[0]
    scene.step(5_000)  # so that what is forwarded is of another instant than what is kept
    asked = [f"{scene.path(endpoint)}?{query}" for query in queries(endpoint)]
    found = [difference(scene, "GET", target) for target in asked]
    assert not any(found), "\n".join(filter(None, found))
