"""`bpx verify`: compares a proxy's answers with the exchange's, field by field."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from time import sleep
from typing import Any

import requests
from rich.console import Console
from rich.progress import Progress

from bpx.cli.command import DONE, FOUND, CommandFailed, parser, run
from bpx.cli.comparison import Difference, differences
from bpx.cli.freqtrade_config import DEFAULTS
from bpx.cli.output import Output
from bpx.settings.reading import KEY_VARIABLE

ATTEMPTS = 8  # a field differs if it does each time
PAUSE_S = 0.4
TIMEOUT_S = 20.0
BINANCE = {"spot": "https://api.binance.com", "futures": "https://fapi.binance.com"}
PREFIX = {"spot": "/api/v3", "futures": "/fapi/v1"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one comparison.

    Args:
        target: that was asked for.
        verdict: `ok`, `differs`, or `moved` too fast to be told.
        source: of the proxy's answer.
        differences: fields that the exchange did not say.
    """

    target: str
    verdict: str
    source: str
    differences: tuple[Difference, ...] = ()


def main(argv: Sequence[str]) -> int:
    """Compare; return 1 if anything differs."""
    made = parser(
        "verify",
        "Compare what a proxy answers with what Binance, or any other base URL, answers, and say\n"
        "which field of which row differs. The exchange is asked before and after each answer: a\n"
        "field is right if it has a value of then, or one between. Asking costs weight, some 30\n"
        "for each symbol. The exit code is 1 if anything differs.",
        "bpx verify futures --symbols BTCUSDT,ETHUSDT",
    )
    made.add_argument("market", choices=["spot", "futures"])
    made.add_argument("--proxy", metavar="URL", help="the market's port of the proxy (by default "
                      f"{DEFAULTS['spot']} or {DEFAULTS['futures']})")  # fmt: skip
    made.add_argument("--against", metavar="URL", help="the exchange (by default Binance)")
    made.add_argument("--symbols", default="BTCUSDT,ETHUSDT", metavar="A,B", help="(%(default)s)")
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output = Output(is_json=asked.json)
    proxy = (asked.proxy or DEFAULTS[asked.market]).rstrip("/")
    exchange = (asked.against or BINANCE[asked.market]).rstrip("/")
    wanted = list(_targets(asked.market, asked.symbols.split(",")))
    verdicts = []
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        for target in progress.track(wanted, description="comparing"):
            verdicts.append(_compared(target, proxy, exchange))
    if asked.json:
        output.data([asdict(verdict) for verdict in verdicts])
    else:
        _tell(output, verdicts)
    return FOUND if any(one.verdict == "differs" for one in verdicts) else DONE


def _targets(market: str, symbols: Sequence[str]) -> Iterator[str]:
    prefix = PREFIX[market]
    yield f"{prefix}/exchangeInfo"
    for symbol in filter(None, symbols):
        for interval in ("1m", "1h"):
            yield f"{prefix}/klines?symbol={symbol}&interval={interval}&limit=100"
        yield f"{prefix}/depth?symbol={symbol}&limit=20"
        yield f"{prefix}/ticker/24hr?symbol={symbol}"


def _compared(target: str, proxy: str, exchange: str) -> Verdict:
    kind, left, is_told = target.partition("?")[0], set[Difference](), False
    places: set[tuple[str, str]] | None = None
    source = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(PAUSE_S)
        before, _ = _asked(exchange + target)
        ours, source = _asked(proxy + target, os.environ.get(KEY_VARIABLE))
        after, _ = _asked(exchange + target)
        found = differences(kind, ours, before, after)
        if found is None:
            continue
        is_told = True
        if not found:
            return Verdict(target, "ok", source)
        now = {(one.row, one.field) for one in found}
        places = now if places is None else places & now
        left = {one for one in found if (one.row, one.field) in places}
        if not places:
            return Verdict(target, "ok", source)
    if not is_told:
        return Verdict(target, "moved", source)
    order = sorted(left, key=lambda one: (one.row, one.field))
    return Verdict(target, "differs", source, tuple(order))


def _asked(url: str, key: str | None = None) -> tuple[Any, str]:
    headers = {"X-BPX-API-Key": key} if key else {}
    try:
        reply = requests.get(url, headers=headers, timeout=TIMEOUT_S)
        return reply.json(), reply.headers.get("Data-Source", "")
    except requests.exceptions.JSONDecodeError:
        raise CommandFailed(f"{url} answers {reply.status_code} without JSON") from None
    except requests.RequestException as error:
        raise CommandFailed(f"{url} cannot be asked: {type(error).__name__}") from error


def _tell(output: Output, verdicts: Sequence[Verdict]) -> None:
    rows = ((one.verdict, one.target, one.source, len(one.differences)) for one in verdicts)
    output.table(("", "asked for", "Data-Source", "fields that differ#"), rows)
    for verdict in verdicts:
        if verdict.differences:
            output.say()
            output.table(("row", "field", "proxy", "exchange"), (
                (one.row, one.field, one.ours, one.theirs) for one in verdict.differences
            ), title=verdict.target)  # fmt: skip
    right = sum(one.verdict == "ok" for one in verdicts)
    output.say(f"{right} of {len(verdicts)} answers are the exchange's")
