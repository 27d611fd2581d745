"""What an exchangeInfo document says, read with as little work at a time as possible."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from bpx.errors import BadMessage
from bpx.exchange.cutting import Uncut, cut_envelope, cut_symbols, read_envelope
from bpx.exchange.listed import Listed, listed

# A list in the document that is not here may be shorter, too, where fewer symbols are asked for.
_ENVELOPE = frozenset({"timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"})


@dataclass(frozen=True, slots=True)
class Contents:
    """What a document says.

    Args:
        statuses: by symbol, in the document's order.
        weight_per_minute: Binance's limit for one address; None if it names none.
        head: of the body, up to its symbols; empty if it could not be taken apart.
        tail: of the body, behind its symbols.
        has_plain_ends: nothing but the symbols depends on what is asked for.
        rows: by symbol; empty if not all of them can be cut out.
    """

    statuses: Mapping[str, str]
    weight_per_minute: int | None
    head: bytes = b""
    tail: bytes = b""
    has_plain_ends: bool = False
    rows: Mapping[str, Listed] = field(default_factory=dict)


def read_contents(body: bytes) -> Contents:
    """Read a document.

    Raises:
        BadMessage: it is none; an error, for one.
    """
    try:
        return _read_in_pieces(body)
    except Uncut:
        return _read_whole(body)


def read_like(body: bytes, earlier: Contents, symbols: memoryview) -> Contents | None:
    """Read a document of which only the head is new; None if there is more to read.

    Args:
        body: the document.
        earlier: what an earlier one said.
        symbols: the earlier one's body, from its symbols on.
    """
    if not earlier.head or not body.endswith(symbols):
        return None
    try:
        ends = _ends(body[: len(body) - len(symbols)], earlier.tail)
    except Uncut:
        return None
    return replace(ends, statuses=earlier.statuses, rows=earlier.rows)


def _read_in_pieces(body: bytes) -> Contents:
    ends = _ends(*cut_envelope(body))
    start, end = len(ends.head), len(body) - len(ends.tail)
    statuses: dict[str, str] = {}
    rows: dict[str, Listed] = {}
    for at, text, symbol in cut_symbols(body, start, end):
        name, status = symbol.get("symbol"), symbol.get("status")
        if type(name) is not str or type(status) is not str or name in statuses:
            raise Uncut("no symbol, or one of two")
        statuses[name] = status
        row = listed(at - start, text, symbol)
        if row is not None:
            rows[name] = row
    return replace(ends, statuses=statuses, rows=rows if len(rows) == len(statuses) else {})


def _ends(head: bytes, tail: bytes) -> Contents:
    envelope = read_envelope(head, tail)
    return Contents(
        {},
        _weight_per_minute(envelope.get("rateLimits")),
        head,
        tail,
        has_plain_ends=envelope.keys() <= _ENVELOPE and orjson.dumps(envelope) == head + tail,
    )


def _read_whole(body: bytes) -> Contents:
    try:
        document = orjson.loads(body)
        statuses = {symbol["symbol"]: symbol["status"] for symbol in document["symbols"]}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise _bad(body) from error
    texts = [*statuses, *statuses.values()]
    if not texts or not all(type(text) is str for text in texts):
        raise _bad(body)
    return Contents(statuses, _weight_per_minute(document.get("rateLimits")))


def _weight_per_minute(limits: Any) -> int | None:
    rows = [row for row in limits if isinstance(row, dict)] if isinstance(limits, list) else []
    return next(
        (
            row["limit"]
            for row in rows
            if row.get("rateLimitType") == "REQUEST_WEIGHT"
            and (row.get("interval"), row.get("intervalNum")) == ("MINUTE", 1)
            and type(row.get("limit")) is int
            and row["limit"] > 0
        ),
        None,
    )


def _bad(body: bytes) -> BadMessage:
    return BadMessage(f"no exchangeInfo: {body[:200]!r}")
