"""Request weight: how much of its limit Binance charges for one request.

A rule gets a request's parameters by name, as the client sent them: it must cope with any text,
and errs on the dear side. A request that Binance refuses costs its weight too.
"""

from collections.abc import Callable, Iterator, Mapping

import orjson

from bpx.exchange.query import Params

WeightRule = Callable[[Params], int]


def fixed(weight: int) -> WeightRule:
    """Charge the same weight for every request."""
    return lambda params: weight


def by_limit(tiers: Mapping[int, int], *, default: int) -> WeightRule:
    """Charge by the `limit` parameter: `tiers` maps each tier's largest limit to its weight.

    Without a usable `limit` the endpoint's `default` limit counts; above the last tier, the
    last tier does, as Binance caps the limit there, or refuses it.
    """
    rows = sorted(tiers.items())

    def rule(params: Params) -> int:
        limit = _whole(params.get("limit", ""), default)
        return next((weight for top, weight in rows if limit <= top), rows[-1][1])

    return rule


def by_symbol(*, one: int, every: int) -> WeightRule:
    """Charge `one` when one symbol is named, and `every` for a list of them or for all."""
    return lambda params: one if _count(params) == 1 and "symbols" not in params else every


def by_symbols_count(tiers: Mapping[int, int], *, every: int) -> WeightRule:
    """Charge by how many symbols are named: `tiers` maps each tier's largest count to its weight.

    Above the last tier, and when the request is for all symbols, `every` is charged.
    """
    rows = sorted(tiers.items())

    def rule(params: Params) -> int:
        count = _count(params)
        if count is None:
            return every
        return next((weight for top, weight in rows if count <= top), every)

    return rule


def per_symbol(each: int, *, cap: int) -> WeightRule:
    """Charge `each` for every symbol that is named, but at most `cap`, as for all symbols."""

    def rule(params: Params) -> int:
        count = _count(params)
        return cap if count is None else min(each * count, cap)

    return rule


def by_presence(name: str, *, given: int, missing: int) -> WeightRule:
    """Charge by whether the parameter `name` is given."""
    return lambda params: given if params.get(name) else missing


def _whole(text: str, default: int) -> int:
    if not (text.isascii() and text.isdecimal()):
        return default
    return int(text[-9:]) if not text[:-9].strip("0") else 10**9  # no int() of endless digits


def _count(params: Params) -> int | None:
    """Return how many symbols a request names; None if all, or if nobody can tell."""
    if "symbols" not in params:
        return 1 if params.get("symbol") else None
    try:
        symbols = orjson.loads(params["symbols"])
    except orjson.JSONDecodeError:
        return None
    return len(symbols) if isinstance(symbols, list) and symbols else None


def readings(pairs: list[tuple[str, str]]) -> Iterator[Params]:
    """Yield what parameters may mean if a name is given twice: its last value, its first."""
    yield dict(pairs)
    yield dict(reversed(pairs))
