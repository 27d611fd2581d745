"""What makes two calls equal: then one reply is for both."""

import hashlib
from collections.abc import Hashable

from bpx.upstream.call import Call

UNSHARED = frozenset({"user-agent"})  # do not change an answer


def question(call: Call) -> Hashable:
    """Return what makes two calls equal. A key is told by its digest, and not kept."""
    headers = tuple(
        (name.lower(), _digest(value) if name.lower() == "x-mbx-apikey" else value)
        for name, value in call.headers
        if name.lower() not in UNSHARED
    )
    return call.method, call.target, headers, call.body


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("latin-1")).hexdigest()
