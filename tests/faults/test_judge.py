"""The judge of loads finds what is wrong, and nothing else."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bpx.simulator.simulator import Simulator
from bpx.simulator.wire import Asked
from tests.faults.bots import Read, Seen, Trade
from tests.faults.judge import Verdict, judge
from tests.faults.place import MINUTE

DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=10"
TICKER = "/api/v3/ticker/24hr?symbol=BTCUSDT"
KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
OLD = f"/api/v3/klines?symbol=BTCUSDT&interval=1m&endTime={MINUTE - 600_000}&limit=5"
NOW = 40_000  # milliseconds of the minute


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator("spot", start_ms=MINUTE, paused=True) as made:
        made.step(NOW)
        yield made


def judged(exchange: Simulator, target: str, body: bytes, status: int = 200) -> Verdict:
    """Judge an answer that was given just now."""
    read = Read(target, (NOW - 5) / 1000, (NOW - 1) / 1000, status, "websocket", b"digest")
    return judge(exchange, Seen([read], [], {b"digest": body}), [], MINUTE)


@pytest.mark.parametrize("target", [DEPTH, TICKER, KLINES, OLD])
def test_what_the_exchange_says_is_right(exchange: Simulator, target: str) -> None:
    verdict = judged(exchange, target, exchange.reply("GET", target).body)
    assert (verdict.faults, verdict.reads["websocket"]) == ([], 1)


@pytest.mark.parametrize(("target", "oldest_ms"), [(DEPTH, 5_000), (TICKER, 15_000),
                                                   (KLINES, 15_000)])  # fmt: skip
def test_what_is_too_old_is_found_and_what_is_not_is_not(
    exchange: Simulator, target: str, oldest_ms: int
) -> None:
    younger = exchange.reply("GET", target, MINUTE + NOW - oldest_ms + 1_000).body
    older = exchange.reply("GET", target, MINUTE + NOW - 2 * oldest_ms).body
    assert judged(exchange, target, younger).faults == []
    verdict = judged(exchange, target, older)
    assert (verdict.stale, len(verdict.faults)) == (1, 1)


def test_a_level_that_is_not_the_exchanges_is_found(exchange: Simulator) -> None:
    book = json.loads(exchange.reply("GET", DEPTH).body)
    book["bids"][7][1] = "0.00000001"
    assert judged(exchange, DEPTH, json.dumps(book).encode()).differing == 1


@pytest.mark.parametrize("row", [1, -1])
@pytest.mark.parametrize("target", [KLINES, OLD])
def test_a_candle_that_is_not_the_exchanges_is_found(
    exchange: Simulator, target: str, row: int
) -> None:
    rows = json.loads(exchange.reply("GET", target).body)
    rows[row][4] = "1.00000000"
    assert judged(exchange, target, json.dumps(rows).encode()).differing == 1


def earlier(row: list[Any]) -> list[Any]:
    """Return a candle that could be the one before."""
    return [row[0] - 60_000, *row[1:6], row[6] - 60_000, *row[7:]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[1:],
        lambda rows: [earlier(rows[0]), *rows[:2], *rows[3:]],
        lambda rows: [rows[1], *rows[1:]],
        lambda rows: [rows[0], *rows],
        lambda rows: rows[-1:],
    ],
    ids=["too few", "a gap", "one twice", "too many", "one"],
)
def test_rows_that_are_missing_or_too_many_are_found(
    exchange: Simulator, spoil: Callable[[list[Any]], list[Any]]
) -> None:
    rows = json.loads(exchange.reply("GET", KLINES).body)
    assert judged(exchange, KLINES, json.dumps(spoil(rows)).encode()).differing == 1


@pytest.mark.parametrize(
    "field", ["bidPrice", "bidQty", "askPrice", "askQty", "volume", "closeTime", "highPrice"]
)
def test_a_field_of_a_ticker_that_is_not_the_exchanges_is_found(
    exchange: Simulator, field: str
) -> None:
    ticker = json.loads(exchange.reply("GET", TICKER).body)
    ticker[field] = ticker[field] - 1 if field == "closeTime" else "67000.1"
    assert judged(exchange, TICKER, json.dumps(ticker).encode()).differing == 1


@pytest.mark.parametrize(("ago_ms", "differing"), [(9_000, 0), (30_000, 1)])
def test_best_prices_may_be_older_than_their_ticker_but_not_old(
    exchange: Simulator, ago_ms: int, differing: int
) -> None:
    ticker = json.loads(exchange.reply("GET", TICKER).body)
    before = json.loads(exchange.reply("GET", TICKER, MINUTE + NOW - ago_ms).body)
    best = {name: before[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")}
    assert best["bidPrice"] != ticker["bidPrice"]
    assert judged(exchange, TICKER, json.dumps(ticker | best).encode()).differing == differing


def test_best_prices_of_two_moments_are_found(exchange: Simulator) -> None:
    ticker = json.loads(exchange.reply("GET", TICKER).body)
    before = json.loads(exchange.reply("GET", TICKER, MINUTE + NOW - 9_000).body)
    mixed = ticker | {"bidPrice": before["bidPrice"]}
    assert judged(exchange, TICKER, json.dumps(mixed).encode()).differing == 1


def test_what_comes_from_the_future_is_found(exchange: Simulator) -> None:
    book = json.loads(exchange.reply("GET", DEPTH).body)
    book["lastUpdateId"] += 1_000
    assert judged(exchange, DEPTH, json.dumps(book).encode()).differing == 1


def test_a_candle_without_trades_is_flat(exchange: Simulator) -> None:
    rows = json.loads(exchange.reply("GET", KLINES).body)
    follows = [rows[-1][6] + 1, *[rows[-1][4]] * 4, "0", 0, "0", 0, "0", "0", "0"]
    verdict = judged(exchange, KLINES, json.dumps([*rows[1:], follows]).encode())
    assert verdict.differing == 1, "this one is of a minute that has not begun"


def test_no_answer_is_a_fault_and_a_refusal_is_counted(exchange: Simulator) -> None:
    assert judged(exchange, DEPTH, b"reset", status=0).torn == 1
    verdict = judged(exchange, DEPTH, b"{}", status=503)
    assert (verdict.faults, verdict.refused) == ([], {503: 1})


UNKNOWN = b'{"code":-1007,"msg":"x"}'
NOT_SENT = b'{"code":-1001,"msg":"x"}'
OURS = b'{"symbol":"BTCUSDT","clientOrderId":"one"}'
ANOTHERS = b'{"symbol":"BTCUSDT","clientOrderId":"two"}'


@pytest.mark.parametrize(
    ("status", "source", "body", "came", "wrong", "duplicates"),
    [
        (200, "upstream", OURS, [200], 0, 0),
        (200, "upstream", ANOTHERS, [200], 1, 0),
        (400, "upstream", b"{}", [400], 0, 0),
        (504, "proxy", UNKNOWN, [None], 0, 0),
        (504, "proxy", UNKNOWN, [], 0, 0),
        (503, "proxy", NOT_SENT, [], 0, 0),
        (503, "proxy", NOT_SENT, [None], 1, 0),
        (503, "proxy", NOT_SENT, [200], 1, 0),
        (502, "proxy", NOT_SENT, [None], 1, 0),
        (200, "proxy", OURS, [], 1, 0),
        (200, "upstream", OURS, [400], 1, 0),
        (504, "proxy", UNKNOWN, [None, 200], 0, 1),
        (0, "", b"reset", [], 1, 0),
    ],
)
def test_what_an_order_is_told_to_be_is_compared_with_what_came(
    exchange: Simulator,
    status: int,
    source: str,
    body: bytes,
    came: list[int | None],
    wrong: int,
    duplicates: int,
) -> None:
    trade = Trade("POST", "one", "one", 1, 2, status, source, {}, body)
    target = "/api/v3/order?newClientOrderId=one&a=b"
    rows = [Asked("POST", target, answered, {}, "", MINUTE) for answered in came]
    verdict = judge(exchange, Seen([], [trade]), rows, MINUTE)
    assert (verdict.wrong, verdict.duplicates) == (wrong, duplicates)
    assert len(verdict.faults) == wrong + duplicates


def test_an_unknown_outcome_that_invites_to_ask_again_is_wrong(exchange: Simulator) -> None:
    trade = Trade("POST", "one", "one", 1, 2, 504, "proxy", {"retry-after": "1"}, UNKNOWN)
    assert judge(exchange, Seen([], [trade]), [], MINUTE).wrong == 1


@pytest.mark.parametrize(("order", "wrong"), [("one", 0), ("two", 1)])
def test_a_cancel_that_is_told_of_another_order_is_wrong(
    exchange: Simulator, order: str, wrong: int
) -> None:
    body = b'{"symbol":"BTCUSDT","origClientOrderId":"%s","clientOrderId":"x"}' % order.encode()
    trade = Trade("DELETE", "cancel", "one", 1, 2, 200, "upstream", {}, body)
    rows = [Asked("DELETE", "/api/v3/order?newClientOrderId=cancel", 200, {}, "", MINUTE)]
    assert judge(exchange, Seen([], [trade]), rows, MINUTE).wrong == wrong
