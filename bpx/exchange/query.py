"""The query of a request, read as strictly as an answer from a cache needs it."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

import orjson

Params = Mapping[str, str]  # decoded values by name
Parameter = Callable[[str], bool]  # whether a decoded value is legal

# Characters that mean themselves in a value, and well-formed escapes. `+` is left out: whether it
# is a space is for Binance to say. `[`, `]` and `"` are how `curl -g` sends a JSON array.
_VALUE = re.compile(r'(?:[A-Za-z0-9\-._~:,@\[\]"]|%[0-9A-Fa-f]{2})+')
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


def read_query(
    query: str, parameters: Mapping[str, Parameter], required: frozenset[str]
) -> Params | None:
    """Return the parameters of a raw query, or None unless every one is known, legal, given once.

    A cache must not guess: whatever is not plainly understood is for Binance to judge.
    """
    params: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, text = pair.partition("=")
        value = _decoded(text)
        if value is None or name in params or name not in parameters:
            return None
        if not parameters[name](value):
            return None
        params[name] = value
    return params if required <= params.keys() else None


def read_list(text: str) -> tuple[str, ...] | None:
    """Return the items of a JSON array of strings, or None.

    None also for an empty array, an item that is there twice, and any but the compact form:
    what Binance says to those is its own business.
    """
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(items, list) or not all(type(item) is str for item in items):
        return None
    is_plain = orjson.dumps(items) == text.encode() and len(set(items)) == len(items) > 0
    return tuple(items) if is_plain else None


def whole_number(least: int, most: int) -> Parameter:
    """Accept plain decimal digits, without sign or leading zero, from `least` to `most`."""

    def legal(text: str) -> bool:
        return _COUNT.fullmatch(text) is not None and least <= int(text) <= most

    return legal


def one_of(*texts: str) -> Parameter:
    """Accept exactly these values."""
    return frozenset(texts).__contains__


def symbol_of(ascii_characters: str, most: int) -> Parameter:
    """Accept names of these ASCII characters and of letters and digits of other scripts.

    Args:
        ascii_characters: a regular expression's class, without its brackets.
        most: the most characters a name may have.
    """
    pattern = re.compile(rf"(?:[{ascii_characters}]|[^\x00-\x7f]){{1,{most}}}")

    def legal(text: str) -> bool:
        is_shaped = pattern.fullmatch(text) is not None
        return is_shaped and all(map(_is_of_names, text))

    return legal


def _is_of_names(char: str) -> bool:
    return char.isascii() or char.isalpha() or char.isdecimal()


def list_of(item: Parameter) -> Parameter:
    """Accept a JSON array of items that `item` accepts."""

    def legal(text: str) -> bool:
        items = read_list(text)
        return items is not None and all(map(item, items))

    return legal


def _decoded(text: str) -> str | None:
    if _VALUE.fullmatch(text) is None:
        return None
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return None
