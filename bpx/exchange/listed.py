"""One symbol of exchangeInfo: where it is in the document, and what it is chosen by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

# A symbol with any of these is in the document that Binance sends by default. Asking for another
# permission may bring symbols that the document does not have.
DEFAULT_PERMISSIONS = frozenset({"SPOT", "MARGIN", "LEVERAGED"})

_PERMISSION_SETS = b'"permissionSets":'

Sets = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A symbol. Places are counted from where the symbols begin.

    Args:
        status: such as TRADING.
        start, end: of the whole symbol.
        sets_start, sets_end: of the value of permissionSets; both 0 where it has none.
        sets: what of the default permissions is in each of its permission sets.
    """

    status: str
    start: int
    end: int
    sets_start: int
    sets_end: int
    sets: Sets

    def grants(self, permissions: frozenset[str]) -> bool | None:
        """Say whether it has one of them; None if that depends on how Binance combines sets."""
        hits = {not permissions.isdisjoint(granted) for granted in self.sets}
        return hits.pop() if len(hits) == 1 else None


def listed(start: int, text: bytes, symbol: Mapping[str, Any]) -> Listed | None:
    """Return a symbol as it is listed; None if its text is not written as we would write it.

    Args:
        start: counted from where the symbols begin.
        text: of the symbol.
        symbol: what the text says.
    """
    if orjson.dumps(symbol) != text:
        return None
    sets_start, sets_end = _span_of_sets(text, symbol, start)
    sets = _default_sets(symbol.get("permissionSets"))
    return Listed(symbol["status"], start, start + len(text), sets_start, sets_end, sets)


def _span_of_sets(text: bytes, symbol: Mapping[str, Any], start: int) -> tuple[int, int]:
    if "permissionSets" not in symbol:
        return 0, 0
    value = orjson.dumps(symbol["permissionSets"])
    sets_start = start + text.index(_PERMISSION_SETS + value) + len(_PERMISSION_SETS)
    return sets_start, sets_start + len(value)


def _default_sets(sets: object) -> Sets:
    if not isinstance(sets, list) or not all(isinstance(granted, list) for granted in sets):
        return ()
    return _one_of(
        tuple(frozenset(name for name in DEFAULT_PERMISSIONS if name in row) for row in sets)
    )


@lru_cache(maxsize=256)
def _one_of(sets: Sets) -> Sets:
    """Return the same object for equal ones: thousands of symbols have few kinds of sets."""
    return sets
