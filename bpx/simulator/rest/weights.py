"""What a request weighs, from its raw parameters; a refused one weighs the same."""

from collections.abc import Callable, Mapping

import orjson

Params = Mapping[str, str]
Weigh = Callable[[Params], int]


def flat(weight: int) -> Weigh:
    """Return a weight that depends on nothing."""
    return lambda _params: weight


def _number(params: Params, name: str, default: int) -> int:
    text = params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


def by_limit(steps: Mapping[int, int], default: int, top: int | None = None) -> Weigh:
    """Return a weight by `limit`: the first step that is not below it, else `top`.

    Args:
        steps: highest limit -> weight, ascending.
        default: the weight without `limit`.
        top: the weight beyond the last step, the last step's if None.
    """

    def weigh(params: Params) -> int:
        if not params.get("limit"):
            return default
        limit = _number(params, "limit", 0)
        for most, weight in steps.items():
            if limit <= most:
                return weight
        return max(steps.values()) if top is None else top

    return weigh


def by_symbol(one: int, every: int) -> Weigh:
    """Return a weight that is lower for one `symbol`."""
    return lambda params: one if params.get("symbol") else every


def _count(params: Params) -> int | None:
    if params.get("symbol"):
        return 1
    try:
        names = orjson.loads(params.get("symbols", ""))
    except orjson.JSONDecodeError:
        return None
    return len(names) if isinstance(names, list) else None


def spot_day_ticker(params: Params) -> int:
    """Weigh ticker/24hr: 2 up to 20 symbols, 40 up to 100, else 80."""
    count = _count(params)
    if count is None or count > 100:
        return 80
    return 2 if count <= 20 else 40


def spot_window_ticker(params: Params) -> int:
    """Weigh ticker and ticker/tradingDay: 4 a symbol, 200 at most."""
    return min(200, 4 * max(1, _count(params) or 1))


SPOT_DEPTH = by_limit({100: 5, 500: 25, 1_000: 50}, default=5, top=250)
# Measured: without `limit` futures depth counts 1, futures klines 5.
FUTURES_DEPTH = by_limit({50: 2, 100: 5, 500: 10}, default=1, top=20)
# Documented as [100, 500) and so on, measured as here.
FUTURES_KLINES = by_limit({100: 1, 500: 2, 1_000: 5}, default=5, top=10)
