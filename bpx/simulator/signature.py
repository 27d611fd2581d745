"""Signatures of requests: HMAC-SHA256 over the raw query and body, as they came."""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256

from bpx.simulator.venue import Request

_SIGNATURE = re.compile(rb"(?:^|&)signature=([^&]*)")


def signed_payload(request: Request) -> tuple[bytes, bytes | None]:
    """Return the bytes that were signed, and the signature that came with them."""
    signature = None
    payload = b""
    for part in (request.query.encode("latin-1"), request.body):
        found = _SIGNATURE.search(part)
        if found and signature is None:
            signature = found[1]
            part = part[: found.start()] + part[found.end() :]
            part = part.removeprefix(b"&") if found.start() == 0 else part
        payload += part
    return payload, signature


def is_signed(request: Request) -> bool:
    """Whether the request carries a signature at all."""
    return signed_payload(request)[1] is not None


def is_verified(request: Request, accounts: Mapping[str, str]) -> bool:
    """Whether the signature is that of the key's secret over exactly these bytes."""
    secret = accounts.get(request.headers.get("x-mbx-apikey", ""))
    payload, signature = signed_payload(request)
    if secret is None or signature is None:
        return False
    wanted = hmac.new(secret.encode(), payload, sha256).hexdigest().encode()
    return hmac.compare_digest(wanted, signature.lower())
