"""Whether what bots saw is right: judged by the exchange's own model, and by nothing of the proxy.

Ages are the hard limits of each kind of data, counted in the exchange's time: from when an answer
stopped being what the exchange would say, to when it was asked for.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields
from urllib.parse import parse_qs

import orjson

from bpx.simulator.simulator import Simulator
from bpx.simulator.wire import Asked
from tests.faults.bots import Read, Seen, Trade
from tests.faults.truth import Answer, Truth, kind_of

OLDEST_MS = {"depth": 5_000, "ticker/24hr": 15_000, "klines": 15_000}
NOT_SENT = (503, -1001)
UNKNOWN = (504, -1007)
HELD = ((429, -1003), (418, -1003))


@dataclass
class Verdict:
    """What became of a load.

    Attributes:
        faults: each thing that is wrong, in words.
        reads: answers with 200, by where they came from.
        refused: reads that got something else, by status.
        trades: orders and cancels, by what the client was told: ok, refused, not sent, unknown.
        reads_s, trades_s: how long each took.
        duplicates: orders and cancels that came to the exchange more than once.
        wrong: orders and cancels whose outcome was told wrongly.
        stale: answers older than they may be.
        differing: answers that are not the exchange's.
    """

    faults: list[str] = field(default_factory=list)
    reads: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    trades: Counter[str] = field(default_factory=Counter)
    reads_s: list[float] = field(default_factory=list)
    trades_s: list[float] = field(default_factory=list)
    duplicates: int = 0
    wrong: int = 0
    stale: int = 0
    differing: int = 0
    torn: int = 0

    def add(self, other: "Verdict") -> None:
        """Take over what another load came to."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def judge(exchange: Simulator, seen: Seen, requests: list[Asked], offset_ms: float) -> Verdict:
    """Judge all of it.

    Args:
        exchange: whose clock has run by itself since the load began.
        seen: by the bots.
        requests: all that came to the exchange since then.
        offset_ms: what makes exchange time of the monotonic clock.
    """
    verdict = Verdict()
    _judge_trades(verdict, seen.trades, requests)
    truth = Truth(exchange)
    for read in seen.reads:
        _judge_read(verdict, truth, read, seen.bodies[read.body], offset_ms)
    return verdict


def _judge_read(verdict: Verdict, truth: Truth, read: Read, body: bytes, offset_ms: float) -> None:
    verdict.reads_s.append(read.ended_s - read.began_s)
    where = f"{read.target} at {read.began_s * 1000 + offset_ms:.0f} from {read.source}"
    if read.status != 200:
        verdict.refused[read.status] += 1
        if read.status == 0:
            verdict.torn += 1
            verdict.faults.append(f"{where}: no answer: {body!r}")
        return
    verdict.reads[read.source] += 1
    began_ms = int(read.began_s * 1000 + offset_ms) - 1
    ended_ms = min(int(read.ended_s * 1000 + offset_ms) + 2, truth.now_ms)
    content = orjson.loads(body)
    if "endTime=" in read.target:
        if content != truth.content_at(read.target, truth.now_ms):
            verdict.differing += 1
            verdict.faults.append(f"{where}: old candles differ: {body[:200]!r}")
        return
    answer = Answer(read.target, content, began_ms - OLDEST_MS[kind_of(read.target)], ended_ms)
    if truth.is_past(answer):
        verdict.stale += 1
        verdict.faults.append(f"{where}: {answer.number} is older than {answer.oldest_ms}")
    elif not truth.has(answer):
        verdict.differing += 1
        verdict.faults.append(f"{where}: not the exchange's at any time: {body[:300]!r}")


def _judge_trades(verdict: Verdict, trades: list[Trade], requests: list[Asked]) -> None:
    came: dict[str, list[Asked]] = defaultdict(list)
    for row in requests:
        if row.method != "GET" and "newClientOrderId=" in row.target:
            came[parse_qs(row.target.partition("?")[2])["newClientOrderId"][0]].append(row)
    for trade in trades:
        verdict.trades_s.append(trade.ended_s - trade.began_s)
        hits = came[trade.client_id]
        if len(hits) > 1:
            verdict.duplicates += 1
            verdict.faults.append(f"{trade.method} {trade.client_id} came {len(hits)} times")
        told, is_right = _told(trade, hits)
        verdict.trades[told] += 1
        if not is_right:
            verdict.wrong += 1
            seen = f"{trade.status} {trade.body[:200]!r} from {trade.source}"
            verdict.faults.append(f"{trade.method} {trade.client_id} {told}: {seen}, came {hits}")


def _told(trade: Trade, hits: list[Asked]) -> tuple[str, bool]:
    """Return what a client was told of its order, and whether it is true."""
    answered = [row for row in hits if row.status is not None]
    if trade.source == "upstream":
        is_as_it_was = bool(answered) and answered[0].status == trade.status
        if trade.status != 200:
            return "refused by the exchange", is_as_it_was
        return "ok", is_as_it_was and _is_answer_to(trade)
    if trade.status == 0:
        return "torn", False
    said = trade.status, orjson.loads(trade.body).get("code")
    if said == UNKNOWN:
        return "unknown", "retry-after" not in trade.headers
    return ("not sent", not hits) if said in (NOT_SENT, *HELD) else ("nonsense", False)


def _is_answer_to(trade: Trade) -> bool:
    """Whether an order's answer is its own, and not that of another."""
    said = orjson.loads(trade.body)
    return bool(said.get("origClientOrderId", said.get("clientOrderId")) == trade.order)
