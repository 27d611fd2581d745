"""exchangeInfo: the one document, and what Binance answers to those who ask for a part of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from bpx.errors import BadMessage
from bpx.exchange.query import Params, read_list

# A symbol with any of these is in the document that Binance sends by default. Asking for another
# permission may bring symbols that the document does not have.
DEFAULT_PERMISSIONS = frozenset({"SPOT", "MARGIN", "LEVERAGED"})

_ENVELOPE = frozenset({"timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"})
_SYMBOLS = b'"symbols":['
_PERMISSION_SETS = b'"permissionSets":'


@dataclass(frozen=True, slots=True)
class _Row:
    """Where a symbol is in the body, and what it is chosen by.

    Args:
        start, end: of the whole symbol.
        sets_start, sets_end: of the value of permissionSets; both 0 where it has none.
        sets: what of the default permissions is in each of its permission sets.
    """

    status: str
    start: int
    end: int
    sets_start: int
    sets_end: int
    sets: tuple[frozenset[str], ...]

    def grants(self, permissions: frozenset[str]) -> bool | None:
        """Say whether it has one of them; None if that depends on how Binance combines sets."""
        hits = {not permissions.isdisjoint(granted) for granted in self.sets}
        return hits.pop() if len(hits) == 1 else None


class ExchangeInfo:
    """An exchangeInfo document, read once. It never changes: a newer one is another object.

    Parts are cut out of the body as Binance sent it. A body whose bytes are not where they are
    expected to be is good as a whole, and has no parts.

    Args:
        body: of the reply to a request without parameters.

    Raises:
        BadMessage: it is no such document; an error, for one.

    Attributes:
        body: the document.
        symbols: status by symbol, in the document's order.
        weight_per_minute: Binance's limit for one address; None if it names none.
    """

    def __init__(self, body: bytes) -> None:
        document = _read(body)
        self.body = body
        self.symbols: Mapping[str, str] = _statuses(document["symbols"], body)
        self.weight_per_minute = _weight_per_minute(document.get("rateLimits"))
        self._head, self._tail, rows = _cut(body, document)
        self._rows: Mapping[str, _Row] = dict(zip(self.symbols, rows, strict=False))

    def answer(self, params: Params) -> bytes | None:
        """Return what Binance sends for these parameters, or None if that is for it to say."""
        if not params:
            return self.body
        if len(self._rows) < len(self.symbols):
            return None
        rows = self._chosen(params)
        if rows is None:
            return None
        if params.get("showPermissionSets") == "false":
            return self._without_permission_sets(rows)
        if len(rows) == len(self._rows):
            return self.body
        return self._joined(self.body[row.start : row.end] for row in rows)

    def _chosen(self, params: Params) -> Sequence[_Row] | None:
        names = _names(params)
        if names is None:
            return self._filtered(params.get("symbolStatus"), params.get("permissions"))
        if "symbolStatus" in params or "permissions" in params:
            return None
        if not names or not self._rows.keys() >= set(names):
            return None
        rows = [self._rows[name] for name in names]
        # Whether Binance keeps the order of the request is not known: the document's is both.
        return rows if rows == sorted(rows, key=lambda row: row.start) else None

    def _filtered(self, status: str | None, permissions: str | None) -> Sequence[_Row] | None:
        rows = [row for row in self._rows.values() if status is None or row.status == status]
        if permissions is None:
            return rows
        wanted = frozenset(read_list(permissions) or (permissions,))
        if not wanted <= DEFAULT_PERMISSIONS:
            return None
        granted = [row.grants(wanted) for row in rows]
        if None in granted:
            return None
        return [row for row, has in zip(rows, granted, strict=True) if has]

    def _without_permission_sets(self, rows: Sequence[_Row]) -> bytes | None:
        if not all(row.sets_end for row in rows):
            return None
        return self._joined(
            b"%s[]%s" % (self.body[row.start : row.sets_start], self.body[row.sets_end : row.end])
            for row in rows
        )

    def _joined(self, symbols: Iterable[bytes]) -> bytes:
        return b"%s%s%s" % (self._head, b",".join(symbols), self._tail)


def _names(params: Params) -> tuple[str, ...] | None:
    """Return the symbols that are asked for; None if none are, () if two ways are used."""
    if "symbol" in params:
        return () if "symbols" in params else (params["symbol"],)
    return (read_list(params["symbols"]) or ()) if "symbols" in params else None


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad(body) from error
    if not isinstance(document, dict) or not isinstance(document.get("symbols"), list):
        raise _bad(body)
    return document


def _statuses(symbols: list[Any], body: bytes) -> dict[str, str]:
    try:
        statuses = {symbol["symbol"]: symbol["status"] for symbol in symbols}
    except (KeyError, TypeError) as error:
        raise _bad(body) from error
    if not statuses or not all(type(text) is str for text in chain(statuses, statuses.values())):
        raise _bad(body)
    return statuses


def _weight_per_minute(limits: object) -> int | None:
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


def _cut(body: bytes, document: dict[str, Any]) -> tuple[bytes, bytes, list[_Row]]:
    """Return the body up to its symbols, what follows them, and the symbols; none if unsure."""
    head, mark, tail = orjson.dumps({**document, "symbols": []}).partition(_SYMBOLS)
    head += mark
    symbols = document["symbols"]
    is_known = document.keys() <= _ENVELOPE and body.startswith(head)
    if not is_known or len({symbol["symbol"] for symbol in symbols}) < len(symbols):
        return b"", b"", []
    rows = list(_cut_symbols(body, len(head), symbols))
    is_whole = len(rows) == len(symbols) and body[rows[-1].end :] == tail
    return (head, tail, rows) if is_whole else (b"", b"", [])


def _cut_symbols(body: bytes, start: int, symbols: list[dict[str, Any]]) -> Iterator[_Row]:
    """Yield the symbols as long as each is where it would be if we had written the body."""
    shared: dict[tuple[frozenset[str], ...], tuple[frozenset[str], ...]] = {}
    for symbol in symbols:
        text = orjson.dumps(symbol)
        end = start + len(text)
        if not body.startswith(text, start):
            return
        sets_start, sets_end = _span_of_sets(text, symbol, start)
        sets = _default_sets(symbol.get("permissionSets"))
        sets = shared.setdefault(sets, sets)
        yield _Row(symbol["status"], start, end, sets_start, sets_end, sets)
        start = end + 1


def _span_of_sets(text: bytes, symbol: dict[str, Any], start: int) -> tuple[int, int]:
    if "permissionSets" not in symbol:
        return 0, 0
    value = orjson.dumps(symbol["permissionSets"])
    sets_start = start + text.index(_PERMISSION_SETS + value) + len(_PERMISSION_SETS)
    return sets_start, sets_start + len(value)


def _default_sets(sets: object) -> tuple[frozenset[str], ...]:
    if not isinstance(sets, list) or not all(isinstance(granted, list) for granted in sets):
        return ()
    return tuple(frozenset(name for name in DEFAULT_PERMISSIONS if name in row) for row in sets)


def _bad(body: bytes) -> BadMessage:
    return BadMessage(f"no exchangeInfo: {body[:200]!r}")
