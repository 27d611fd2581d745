"""Which headers cross the proxy, by name: the rest stays on its side."""

import re
from collections.abc import Iterable

from bpx.upstream.call import Headers

# Meant for one connection, not for whoever is behind it: RFC 9110, 7.6.1. On no list either.
HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)

BINANCE_PREFIXES = ("x-mbx-", "x-sapi-")
KEY = "x-mbx-apikey"  # whose request it is: naming it in Connection does not take it away

TO_BINANCE = frozenset(
    [
        "accept",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "if-modified-since",
        "if-none-match",
        "pragma",
        "user-agent",
    ]
)

TO_CLIENT = frozenset(
    [
        "age",
        "allow",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "pragma",
        "retry-after",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "x-amz-cf-id",
        "x-amz-cf-pop",
        "x-cache",
        "x-content-type-options",
        "x-response-time",
    ]
)

CODINGS = frozenset({"gzip", "x-gzip", "deflate", "identity"})  # those whose end can be checked


_PLAIN = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110, 5.5, without what is obsolete


class BadHeader(ValueError):
    """A header's value would not arrive as one header."""


def to_binance(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers of a client's request that Binance may see."""
    fields = [(name.lower(), name, value) for name, value in headers]
    crossing = _crossing(fields, TO_BINANCE)
    codings = [value for lowered, _, value in fields if lowered == "accept-encoding"]
    if codings:
        crossing.append(("Accept-Encoding", _checkable(codings)))
    return tuple((name, value) for name, value in crossing if _is_plain(value))


def to_client(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return the headers of Binance's reply that a client gets.

    Raises:
        BadHeader: one of them has a control character or a byte that is not ASCII.
    """
    crossing = _crossing([(name.lower(), name, value) for name, value in headers], TO_CLIENT)
    for name, value in crossing:
        if not _is_plain(value):
            raise BadHeader(f"reply header {name} has an illegal value")
    return tuple(crossing)


def _crossing(fields: list[tuple[str, str, str]], names: frozenset[str]) -> list[tuple[str, str]]:
    stays = HOP_BY_HOP
    for lowered, _, value in fields:
        if lowered == "connection":
            stays |= {option.strip().lower() for option in value.split(",")} - {KEY}
    return [
        (name, value)
        for lowered, name, value in fields
        if (lowered in names or lowered.startswith(BINANCE_PREFIXES)) and lowered not in stays
    ]


def _checkable(values: list[str]) -> str:
    """Leave of Accept-Encoding what we can check; what we cannot is not asked for."""
    offers = [offer.strip() for value in values for offer in value.split(",")]
    known = [offer for offer in offers if offer.partition(";")[0].strip().lower() in CODINGS]
    return ", ".join(known) or "identity"


def _is_plain(value: str) -> bool:
    return _PLAIN.fullmatch(value) is not None
