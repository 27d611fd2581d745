"""Secrets that the suite gives to its clients, and the look for them in all that a proxy says."""

import re
from urllib.parse import unquote

MARK = "s3cr3t"  # in every key that is one

_TRACES = re.compile(
    rf"{MARK}|signature['\"]?\s*[=:]\s*['\"]?(?!\*\*\*|no\b)[A-Za-z0-9%+/]{{8,}}|listenKey=(?!\*)\w",
    re.IGNORECASE,
)
AROUND = 80  # characters that are shown of a place


def secrets_in(text: str) -> list[str]:
    """Return the places of a text where a secret can be read, plain or percent-encoded."""
    return [
        plain[max(0, found.start() - AROUND) : found.end() + AROUND]
        for plain in {text, unquote(text), unquote(unquote(text))}
        for found in _TRACES.finditer(plain)
    ]
