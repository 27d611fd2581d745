"""Whether an answer is the exchange's: field by field, though the market moves meanwhile. Pure.

The exchange is asked before and after. A field is right if it has either answer's value, or one
between them; whatever else it has may still be of a moment of its own, and is looked at again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

KLINE = ("openTime", "open", "high", "low", "close", "volume", "closeTime", "quoteVolume",
         "trades", "takerBuyVolume", "takerBuyQuoteVolume", "unused")  # fmt: skip
NO_VALUE = "(none)"
OWN_TIMES = frozenset({"serverTime"})  # when an answer was made


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that the exchange did not say.

    Args:
        row: of a list, by what names it: a symbol, an open time; "" if there are no rows.
        field: its name.
        ours, theirs: the values, as text.
    """

    row: str
    field: str
    ours: str
    theirs: str


def differences(kind: str, ours: Any, before: Any, after: Any) -> list[Difference] | None:
    """Return the fields of `ours` that are neither of the exchange's answers'.

    Args:
        kind: the path's end: klines, depth, ticker/24hr, exchangeInfo, ...
        ours: the answer that is looked at.
        before: the exchange's, asked for earlier.
        after: the exchange's, asked for later.

    Returns:
        None if it cannot be told: a book of another moment than theirs.
    """
    if kind.endswith("depth"):
        return _of_books(ours, before, after)
    if kind.endswith("lines"):
        ours, before, after = (_by_open_time(rows) for rows in (ours, before, after))
        # The oldest may be gone, and the newest not be there yet, in one of the answers.
        common = before.keys() & after.keys()
        ours = {at: row for at, row in ours.items() if at in common or at in after}
    return list(_of(ours, before, after, "", ""))


def _by_open_time(rows: Any) -> Any:
    if not isinstance(rows, list):
        return rows
    return {str(row[0]): dict(zip(KLINE, row, strict=False)) for row in rows}


def _of_books(ours: Any, before: Any, after: Any) -> list[Difference] | None:
    for theirs in (before, after):
        if isinstance(ours, dict) and ours.get("lastUpdateId") == theirs.get("lastUpdateId"):
            books = ({side: one.get(side) for side in ("bids", "asks")} for one in (ours, theirs))
            mine, yours = books
            return list(_of(mine, yours, yours, "", ""))
    return None if isinstance(ours, dict) and "bids" in ours else [
        Difference("", "", _text(ours), _text(after))
    ]  # fmt: skip


def _of(ours: Any, before: Any, after: Any, row: str, field: str) -> Iterator[Difference]:
    if isinstance(ours, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(ours, before, after, row, field)
    elif isinstance(ours, list) and isinstance(after, list):
        yield from _of_lists(ours, before, after, row, field)
    elif not _is_between(ours, before, after):
        yield Difference(row, field, _text(ours), _text(after))


def _of_objects(
    ours: Mapping[str, Any], before: Any, after: Mapping[str, Any], row: str, field: str
) -> Iterator[Difference]:
    earlier = before if isinstance(before, Mapping) else after
    for name in [*after, *(name for name in ours if name not in after and name not in earlier)]:
        if name in OWN_TIMES:
            continue
        place = (name, "") if isinstance(after.get(name), Mapping) and not row else (
            row, f"{field}.{name}".lstrip(".")
        )  # fmt: skip
        if name not in ours or name not in after:
            if name not in ours and name not in earlier:
                continue  # it has come only now
            yield Difference(*place, _text(ours.get(name, NO_VALUE)),
                             _text(after.get(name, NO_VALUE)))  # fmt: skip
        else:
            yield from _of(ours[name], earlier.get(name, after[name]), after[name], *place)


def _of_lists(
    ours: list[Any], before: Any, after: list[Any], row: str, field: str
) -> Iterator[Difference]:
    if all(isinstance(one, Mapping) and "symbol" in one for one in (*ours, *after)) and after:
        named = [{one["symbol"]: one for one in rows} for rows in (ours, _listed(before), after)]
        yield from _of_objects(named[0], named[1], named[2], "", "")
        return
    if len(ours) != len(after):
        if len(ours) != len(_listed(before)):
            yield Difference(row, f"{field} (length)", str(len(ours)), str(len(after)))
        return
    earlier = before if isinstance(before, list) and len(before) == len(after) else after
    for number, one in enumerate(ours):
        yield from _of(one, earlier[number], after[number], row, f"{field}[{number}]")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_between(ours: Any, before: Any, after: Any) -> bool:
    if ours in (before, after) and type(ours) in (type(before), type(after)):
        return True
    if not type(ours) is type(before) is type(after) or isinstance(ours, bool):
        return False
    try:
        low, middle, high = (Decimal(str(one)) for one in (before, ours, after))
    except InvalidOperation:
        return False
    return min(low, high) <= middle <= max(low, high) and low != high


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
