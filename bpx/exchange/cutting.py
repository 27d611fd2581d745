"""exchangeInfo taken apart symbol by symbol: whole it is up to 17 MB, and takes long to read.

It is cut where a symbol begins. That these were the right places is proven by reading each piece,
and what is left without them: if all of these are whole JSON values, so is the document.
"""

from collections.abc import Iterator
from json import JSONDecoder
from typing import Any

import orjson

_SYMBOLS = b'"symbols":['
_FIRST = b'{"symbol":"'
_BETWEEN = b"}," + _FIRST


class Uncut(ValueError):
    """The document cannot be taken apart: it has to be read as a whole."""


def cut_envelope(body: bytes) -> tuple[bytes, bytes]:
    """Return what is before the symbols of a document, and what is behind them.

    Raises:
        Uncut: they are not found.
    """
    start = body.find(_SYMBOLS + _FIRST) + len(_SYMBOLS)
    last = body.rfind(_FIRST)
    if not len(_SYMBOLS) <= start <= last:
        raise Uncut("no symbols")
    try:
        rest = body[last:].decode()
        _, length = JSONDecoder().raw_decode(rest)
    except ValueError as error:
        raise Uncut("no end of the last symbol") from error
    return body[:start], rest[length:].encode()


def read_envelope(head: bytes, tail: bytes) -> dict[str, Any]:
    """Return a document without its symbols: those are [].

    Raises:
        Uncut: these are not the two ends of one.
    """
    envelope = _read(head + tail)
    if not head.endswith(_SYMBOLS) or envelope.get("symbols") != []:
        raise Uncut("no place for symbols")
    return envelope


def cut_symbols(body: bytes, start: int, end: int) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Yield each symbol of a document: where it begins, its text, and what that says.

    Args:
        body: the document.
        start: of its first symbol.
        end: of its last one.

    Raises:
        Uncut: there is something else than symbols.
    """
    while start < end:
        between = body.find(_BETWEEN, start, end)
        text = body[start : end if between < 0 else between + 1]
        yield start, text, _read(text)
        start += len(text) + 1


def _read(text: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Uncut("no JSON") from error
    if not isinstance(value, dict):
        raise Uncut("no object")
    return value
