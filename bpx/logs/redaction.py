"""What no log may hold: query strings, signatures and keys."""

import re
from urllib.parse import unquote

# Redaction is on the finished line: tracebacks and other libraries' messages hold URLs too.
_QUERY = re.compile(r"\?(?:[^\s?]*=[^\s]*|[^\s?]{16,})")
_SECRET = re.compile(
    r"(?i)(signature|api[-_]?key|listen[-_]?key|secret|authorization)"
    r"(['\"]?\s*[=:,]\s*b?['\"]?|(?<=x-mbx-apikey)\s+)[^\s'\"&,;)}\]]+"
)
_TOKEN = re.compile(r"[A-Za-z0-9]{60,}")  # keys, signatures and listen keys are 60 or longer
_ENCODED = re.compile(r"[^\s%]*%[0-9A-Fa-f]{2}\S*")


def redact(line: str) -> str:
    """Return `line` without query strings, signatures and keys, percent-encoded ones too."""
    line = _SECRET.sub(r"\1\2***", _QUERY.sub("?***", line))
    line = _TOKEN.sub("***", line)
    return _ENCODED.sub(_without_encoded_secrets, line) if "%" in line else line


def _without_encoded_secrets(found: re.Match[str]) -> str:
    word = found[0]
    decoded = word
    while (further := unquote(decoded)) != decoded:
        decoded = further
    return word if redact(decoded) == decoded else word.partition("%")[0] + "***"
