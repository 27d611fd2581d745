"""Keys of clients: their names, what they are for, and the hashes by which they are known. Pure.

A key is 32 random bytes, so one SHA-256 of it is enough to keep: nobody can try them all. See
OWASP ASVS 5.0, 11.4.2 and 11.2.4.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

PREFIX = "bpx_"
LONGEST = 256  # characters of what may be a key
_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Scope(StrEnum):
    """What a key is for."""

    DATA = "data"  # market data that a cache answers
    PUBLIC = "public"  # everything else that needs no signature
    SIGNED = "signed"  # accounts and orders
    OPERATORS = "operators"  # the operators' pages, and what changes a running proxy


TRADING = frozenset({Scope.DATA, Scope.PUBLIC, Scope.SIGNED})


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key.

    Args:
        name: of the client that has it; while one is exchanged for another, both have the name.
        scopes: what it is for.
        digest: SHA-256 of the key, in hexadecimal digits.
    """

    name: str
    scopes: frozenset[Scope]
    digest: str


class BadKeys(ValueError):
    """A list of keys cannot be read. The text says where, and repeats nothing of it."""


class Keyring:
    """All keys there are.

    Args:
        keys: in any order.
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, shown: str) -> Key | None:
        """Return the key that a client shows. It takes as long whichever of them it is, or none."""
        if len(shown) > LONGEST:
            return None
        digest, found = digest_of(shown), None
        for key in self._keys:
            if compare_digest(key.digest, digest):
                found = key
        return found


def make_key() -> str:
    """Return a new key."""
    return PREFIX + token_urlsafe(_BYTES)


def digest_of(key: str) -> str:
    """Return the hash by which a key is known."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def read_keys(text: str) -> list[Key]:
    """Read a list of keys: one a line, or with semicolons between; # begins a comment.

    Raises:
        BadKeys: something in it is no key.
    """
    keys = []
    for number, line in enumerate(text.replace(";", "\n").splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            keys.append(_read(words, number))
    return keys


def write_keys(keys: Sequence[Key]) -> str:
    """Return the list that reads as these keys."""
    rows = (f"{key.name} {','.join(sorted(key.scopes))} {key.digest}\n" for key in keys)
    return "# name, scopes, SHA-256 of the key: bpx keys create makes them\n" + "".join(rows)


def read_scopes(text: str) -> frozenset[Scope]:
    """Read scopes with commas between them.

    Raises:
        ValueError: one of them is none.
    """
    return frozenset(Scope(word) for word in text.split(","))


def is_name(text: str) -> bool:
    """Whether a client may be called that."""
    return _NAME.fullmatch(text) is not None


def _read(words: Sequence[str], number: int) -> Key:
    try:
        name, scopes, digest = words
        if is_name(name) and _DIGEST.fullmatch(digest):
            return Key(name, read_scopes(scopes), digest)
    except ValueError:
        pass
    raise BadKeys(f"line {number} is not a name, scopes and the SHA-256 of a key")
