"""What bad and unusual requests get: what the exchange says, with its status and to the byte."""

import gzip

import pytest

from tests.fidelity.scene import DEPTH, EXCHANGE_INFO, KLINES, ROOT, TICKER, Scene
from tests.fidelity.walk import Verdict
from tests.waiting import eventually

Walked = tuple[Scene, list[Verdict]]

# Nobody has asked for ETHUSDT when these tests begin, and time stands still: whatever is answered
# from a stream or a cache is what REST says now.
SYMBOLS = ("", "=", "=btcusdt", "=NOSUCHUSDT", "=BTC-USDT", "=BTC%2FUSDT", "=ETHUSDT%20", "=%FF")
LIMITS = ("=0", "=-5", "=7", "=1001", "=1501", "=5001", "=abc", "=", "", "=5.0", "=%2B5", "=05")
INTERVALS = ("=2m", "=1s", "=1H", "=", "", "=60", "=1M&interval=1m")
TYPES = ("=MINI", "=FULL", "=FOO", "=mini", "=")
EXTRAS = {
    KLINES: (
        "symbol=ETHUSDT",
        "interval=1m",
        "symbol=ETHUSDT&symbol=ETHUSDT&interval=1m",
        "symbol=ETHUSDT&symbol=BTCUSDT&interval=1m",
        "symbol=ETHUSDT&interval=1m&limit=5&limit=6",
        "symbol=ETHUSDT&interval=1m&limit=5&unknown=1",
        "symbol=ETHUSDT&interval=1m&limit=5&",
        "&symbol=ETHUSDT&interval=1m&limit=5",
        "symbol=ETHUSDT&interval=1m&limit=5&=",
        "SYMBOL=ETHUSDT&interval=1m&limit=5",
        "symbol=ETHUSDT&interval=1m&limit=5&startTime=1704060000000",
        "symbol=ETHUSDT&interval=1m&limit=5&endTime=1704060000000",
        "symbol=ETHUSDT&interval=1m&startTime=1704060000000&endTime=1704060300000",
        "symbol=ETHUSDT&interval=1m&startTime=1704060300000&endTime=1704060000000",
        "symbol=ETHUSDT&interval=1m&limit=5&startTime=abc",
        "symbol=ETHUSDT&interval=1d&limit=5&timeZone=8",
        "symbol=ETHUSDT&interval=1d&limit=5&timeZone=-3:30",
        "symbol=ETHUSDT&interval=1d&limit=5&timeZone=0",
        "symbol=ETHUSDT&interval=1d&limit=5&timeZone=99",
        "%73ymbol=ETHUSDT&interval=1m&limit=5",
        "symbol=%45THUSDT&interval=1%6d&limit=%35",
    ),
    DEPTH: (
        "limit=5",
        "symbol=ETHUSDT",
        "symbol=ETHUSDT&limit=20&symbolStatus=TRADING",
        "symbol=ETHUSDT&limit=20&symbolStatus=BREAK",
        "symbol=ETHUSDT&limit=20&symbol=ETHUSDT",
        "symbol=ETHUSDT&limit=20&interval=1m",
    ),
    TICKER: (
        "symbol=ETHUSDT&symbolStatus=TRADING",
        "symbol=ETHUSDT&symbolStatus=HALT",
        'symbols=["ETHUSDT"]',
        'symbols=["ETHUSDT","BTCUSDT"]&type=MINI',
        "symbols=%5B%22ETHUSDT%22,%22ETHUSDT%22%5D",
        'symbols=["ETHUSDT","NOSUCH"]',
        "symbols=[]",
        "symbols=ETHUSDT",
        'symbol=ETHUSDT&symbols=["BTCUSDT"]',
        "symbol=ETHUSDT&type=MINI&type=MINI",
    ),
    EXCHANGE_INFO: (
        "symbol=btcusdt",
        "symbol=NOSUCHUSDT",
        "symbol=",
        "symbols=[]",
        'symbols=["NOSUCHUSDT"]',
        'symbols=["ETHUSDT","ETHUSDT"]',
        'symbol=ETHUSDT&symbols=["ETHUSDT"]',
        "symbol=ETHUSDT&symbolStatus=TRADING",
        "permissions=TRD_GRP_004",
        "permissions=NOSUCH",
        'permissions=["SPOT","TRD_GRP_004"]',
        "symbolStatus=FOO",
        "showPermissionSets=maybe",
        "unknown=1",
    ),
}
PATHS = (
    "/",
    "/api/v3",
    "/api/v3/",
    "/fapi/v1/none",
    "/api/v3/klines/",
    "/API/v3/klines",
    "/api/v1/klines?symbol=ETHUSDT&interval=1m",
    "/api/v3/ping",
    "/api/v3/ping?unknown=1",
    "/api/v3/time",
    "/api/v3/avgPrice?symbol=ETHUSDT",
    "/api/v3/uiKlines?symbol=ETHUSDT&interval=1m&limit=2",
    "/fapi/v1/ping",
    "/fapi/v1/time",
    "/fapi/v1/premiumIndex?symbol=ETHUSDT",
    "/fapi/v1/continuousKlines?pair=ETHUSDT&contractType=PERPETUAL&interval=1m&limit=2",
)
FULL = {
    KLINES: "symbol=ETHUSDT&interval=1m&limit=5",
    DEPTH: "symbol=ETHUSDT&limit=20",
    TICKER: "symbol=ETHUSDT",
    EXCHANGE_INFO: "",
}


def queries(endpoint: str) -> list[str]:
    """Return the queries that are tried at an endpoint."""
    made = {
        KLINES: [
            *(f"symbol{text}&interval=1m&limit=5" for text in SYMBOLS),
            *(f"symbol=ETHUSDT&interval{text}&limit=5" for text in INTERVALS),
            *(f"symbol=ETHUSDT&interval=1m&limit{text}" for text in LIMITS),
        ],
        DEPTH: [
            *(f"symbol{text}&limit=20" for text in SYMBOLS),
            *(f"symbol=ETHUSDT&limit{text}" for text in LIMITS),
        ],
        TICKER: [
            *(f"symbol{text}" for text in SYMBOLS),
            *(f"symbol=ETHUSDT&type{text}" for text in TYPES),
        ],
        EXCHANGE_INFO: [],
    }
    return [*made[endpoint], *EXTRAS[endpoint]]


@pytest.fixture
def still(minutes: Walked) -> Scene:
    """The scene as the walk left it, with an exchangeInfo of now."""
    scene, _ = minutes
    path = scene.path(EXCHANGE_INFO)
    eventually(lambda: scene.fetch("GET", path).body == scene.truth(path))
    return scene


def differences(scene: Scene, asked: list[tuple[str, str]], **headers: str) -> str:
    """Say where the proxy's answers differ from the exchange's; nothing if nowhere.

    Args:
        scene: where time stands still.
        asked: pairs of method and target.
        headers: of every request.
    """
    found = []
    for method, target in asked:
        ours = scene.fetch(method, target, **headers)
        theirs = scene.reply(method, target, **headers)
        body = b"" if method == "HEAD" else theirs.body
        if (ours.status, ours.body) != (theirs.status, body):
            source = ours.headers.get("Data-Source")
            found.append(
                f"{scene.market} {method} {target} {headers} at {scene.sim.now_ms} from {source}:"
                f" {ours.status} {ours.body[:200]!r}, not {theirs.status} {body[:200]!r}"
            )
    return "\n".join(found)


@pytest.mark.parametrize("endpoint", EXTRAS)
def test_bad_and_unusual_parameters_get_what_the_exchange_says(still: Scene, endpoint: str) -> None:
    asked = [("GET", f"{still.path(endpoint)}?{query}") for query in queries(endpoint)]
    assert not differences(still, asked)


def test_other_paths_get_what_the_exchange_says(still: Scene) -> None:
    assert not differences(still, [("GET", path) for path in PATHS])


def test_the_other_markets_paths_get_what_the_exchange_says(still: Scene) -> None:
    other = ROOT["futures" if still.market == "spot" else "spot"]
    targets = [f"{other}/{endpoint}?{query}" for endpoint, query in FULL.items()]
    assert not differences(still, [("GET", target) for target in targets])


def test_an_unknown_path_gets_a_page_if_a_page_is_wanted(still: Scene) -> None:
    assert not differences(still, [("GET", still.path("none"))], Accept="text/html")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_get_what_the_exchange_says(still: Scene, method: str) -> None:
    targets = [f"{still.path(endpoint)}?{query}" for endpoint, query in FULL.items()]
    assert not differences(still, [(method, target) for target in targets])


@pytest.mark.parametrize("endpoint", [KLINES, DEPTH, TICKER, EXCHANGE_INFO])
def test_a_head_request_gets_the_headers_of_a_get(still: Scene, endpoint: str) -> None:
    target = f"{still.path(endpoint)}?{FULL[endpoint]}"
    names = ("Content-Type", "Content-Length", "Data-Source")

    def are_alike() -> bool:
        """Whether they are: between them what a stream has told may have become too old."""
        head, get = still.fetch("HEAD", target), still.fetch("GET", target)
        assert (head.status, head.body) == (200, b"")
        return [head.headers.get(one) for one in names] == [get.headers.get(one) for one in names]

    eventually(are_alike)


def test_microseconds_are_left_to_the_exchange(still: Scene) -> None:
    targets = [("GET", f"{still.path(endpoint)}?{query}") for endpoint, query in FULL.items()]
    assert not differences(still, targets, **{"X-MBX-TIME-UNIT": "MICROSECOND"})


def test_exchange_info_comes_compressed_to_whoever_accepts_it(still: Scene) -> None:
    answer = still.fetch("GET", still.path(EXCHANGE_INFO), **{"Accept-Encoding": "gzip"})
    assert (answer.source, answer.headers["Content-Encoding"]) == ("cache", "gzip")
    assert gzip.decompress(answer.body) == still.truth(still.path(EXCHANGE_INFO))


@pytest.mark.parametrize("endpoint", [KLINES, DEPTH, TICKER, EXCHANGE_INFO])
def test_a_key_on_a_public_request_changes_nothing(still: Scene, endpoint: str) -> None:
    target = f"{still.path(endpoint)}?{FULL[endpoint]}"

    def is_ours() -> bool:
        still.fetch("GET", target)
        answer = still.fetch("GET", target, **{"X-MBX-APIKEY": "a" * 64})
        assert answer.body == still.truth(target)
        return answer.is_ours

    eventually(is_ours)
