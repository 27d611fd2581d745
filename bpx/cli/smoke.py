"""`python -m bpx smoke`: asks every endpoint of a running proxy with curl, a line each."""

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from time import monotonic, sleep
from typing import Any

SECONDS_TO_FILL = 15.0  # a cache answers the first request by REST, and is then filled
SPOT, FUTURES = "SPOT", "FUTURES"
DEFAULTS = {SPOT: "http://127.0.0.1:8090", FUTURES: "http://127.0.0.1:8091"}


@dataclass(frozen=True, slots=True)
class Check:
    """A request, and what must come back."""

    market: str
    target: str
    source: str
    fits: Callable[[Any], bool]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What curl received."""

    status: int
    source: str
    body: Any


def has(*keys: str) -> Callable[[Any], bool]:
    """Accept an object with at least these keys."""
    return lambda body: isinstance(body, dict) and set(keys) <= set(body)


def rows(count: int, fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Accept a list of `count` rows, each of which fits."""
    return lambda body: isinstance(body, list) and len(body) == count and all(map(fits, body))


def many(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Accept a list that is not empty, each of whose rows fits."""
    return lambda body: isinstance(body, list) and bool(body) and all(map(fits, body))


def _kline(row: Any) -> bool:
    kinds = [int, str, str, str, str, str, int, str, int, str, str, str]
    return [type(cell) for cell in row] == kinds


def _book(levels: int) -> Callable[[Any], bool]:
    return lambda body: (
        has("lastUpdateId", "bids", "asks")(body)
        and 0 < len(body["bids"]) <= levels
        and 0 < len(body["asks"]) <= levels
        and float(body["bids"][0][0]) < float(body["asks"][0][0])
    )


_ERROR = has("code", "msg")
_PRICE = has("symbol", "price")
_BEST = has("symbol", "bidPrice", "bidQty", "askPrice", "askQty")
_TRADE = has("id", "price", "qty", "time", "isBuyerMaker")
_AGGREGATE = has("a", "p", "q", "f", "l", "T", "m")
_DAY = has("symbol", "lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "count")
_SYMBOLS = has("timezone", "serverTime", "rateLimits", "symbols")


def _both(market: str, path: str) -> list[Check]:
    one = "symbol=BTCUSDT"
    return [
        Check(market, f"{path}/klines?{one}&interval=1m&limit=5", "websocket", rows(5, _kline)),
        Check(market, f"{path}/klines?{one}&interval=1h", "websocket", rows(500, _kline)),
        Check(market, f"{path}/depth?{one}&limit=20", "websocket", _book(20)),
        Check(market, f"{path}/ticker/24hr?{one}", "websocket", _DAY),
        Check(market, f"{path}/exchangeInfo", "cache", _SYMBOLS),
        Check(market, f"{path}/ping", "upstream", lambda body: body == {}),
        Check(market, f"{path}/time", "upstream", has("serverTime")),
        Check(market, f"{path}/depth?{one}&limit=100", "upstream", _book(100)),
        Check(market, f"{path}/klines?{one}&interval=1m&limit=2&endTime=1700000000000",
              "upstream", many(_kline)),
        Check(market, f"{path}/trades?{one}&limit=5", "upstream", rows(5, _TRADE)),
        Check(market, f"{path}/aggTrades?{one}&limit=5", "upstream", rows(5, _AGGREGATE)),
        Check(market, f"{path}/ticker/price?{one}", "upstream", _PRICE),
        Check(market, f"{path}/ticker/bookTicker?{one}", "upstream", _BEST),
        Check(market, f"{path}/klines?symbol=NOSUCHCOIN&interval=1m", "proxy|upstream",
              _ERROR, 400),
        Check(market, f"{path}/klines?{one}&interval=7m", "upstream", _ERROR, 400),
    ]  # fmt: skip


CHECKS = [
    *_both(SPOT, "/api/v3"),
    Check(SPOT, "/api/v3/avgPrice?symbol=BTCUSDT", "upstream", has("mins", "price")),
    Check(SPOT, "/api/v3/uiKlines?symbol=BTCUSDT&interval=1m&limit=5", "upstream", rows(5, _kline)),
    Check(SPOT, "/api/v3/ticker?symbol=BTCUSDT", "upstream", has("symbol", "lastPrice")),
    Check(SPOT, "/api/v3/account", "upstream", _ERROR, 401),
    *_both(FUTURES, "/fapi/v1"),
    Check(FUTURES, "/fapi/v1/premiumIndex?symbol=BTCUSDT", "upstream", has("markPrice")),
    Check(FUTURES, "/fapi/v1/fundingRate?symbol=BTCUSDT&limit=2", "upstream",
          many(has("fundingRate", "fundingTime"))),
    Check(FUTURES, "/fapi/v1/markPriceKlines?symbol=BTCUSDT&interval=1m&limit=5", "upstream",
          rows(5, _kline)),
    Check(FUTURES, "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=PERPETUAL&interval=1m"
          "&limit=5", "upstream", rows(5, _kline)),
    Check(FUTURES, "/fapi/v3/account", "upstream", _ERROR, 401),
]  # fmt: skip


def main(argv: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> int:
    """Check every endpoint; return 0 if all of them are well.

    Args:
        argv: where the proxy is.
        environ: SPOT and FUTURES say where it is, unless `argv` does.
    """
    places = _parser(environ).parse_args(argv)
    bases = {SPOT: places.spot, FUTURES: places.futures}
    rows = []
    for check in CHECKS:
        fault = _fault_in_time(check, bases[check.market])
        rows.append({"market": check.market.lower(), "target": check.target, "fault": fault})
        if not places.json:
            word = "FAIL" if fault else "ok  "
            print(f"{word} {check.market.lower():7} {check.target} {fault}".rstrip(), flush=True)
    well = sum(not row["fault"] for row in rows)
    if places.json:
        print(json.dumps(rows, indent=2))
    else:
        print(f"{well} of {len(CHECKS)} endpoints are well")
    return 0 if well == len(CHECKS) else 1


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bpx smoke",
        description="Ask every endpoint of a running proxy with curl, and say which answers are "
        "not what they should be. The exit code is 0 if all of them are.",
        epilog="Example: python -m bpx smoke --spot http://127.0.0.1:8090",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    for market in (SPOT, FUTURES):
        address = environ.get(market) or DEFAULTS[market]
        parser.add_argument(
            f"--{market.lower()}",
            metavar="URL",
            default=address,
            help=f"the {market.lower()} market's address (variable {market}; here {address})",
        )
    return parser


def _fault_in_time(check: Check, base: str) -> str:
    """Return what is wrong once the caches have had time to be filled, or nothing."""
    until = monotonic() + SECONDS_TO_FILL
    while (
        (fault := _fault(check, base)) and fault.startswith("Data-Source") and monotonic() < until
    ):
        sleep(0.2)
    return fault


def _fault(check: Check, base: str) -> str:
    """Ask once; return what is wrong, or nothing."""
    try:
        answer = _ask(base + check.target)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"no answer: {error}"
    if answer.status == 401 and answer.source == "proxy":
        return "the proxy wants a key of its own: name one in BPX_KEY"
    if answer.status != check.status:
        return f"status {answer.status} instead of {check.status}: {str(answer.body)[:200]}"
    if not check.fits(answer.body):
        return f"the body is of another shape: {str(answer.body)[:200]}"
    if answer.source not in check.source.split("|"):
        return f"Data-Source {answer.source!r} instead of {check.source}"
    return ""


def _ask(url: str) -> Answer:
    command = ["curl", "--silent", "--show-error", "--globoff", "--include", "--max-time", "20"]
    header = b""
    if key := os.environ.get("BPX_KEY"):  # by a pipe: what a command line says, everybody can read
        command += ["--header", "@-"]
        header = b"X-BPX-API-Key: %b\n" % key.encode()
    done = subprocess.run([*command, url], input=header, capture_output=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace").strip())
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    headers = BytesHeaderParser().parsebytes(fields)
    return Answer(int(line.split()[1]), headers.get("Data-Source", ""), json.loads(body))
