"""Replies that are kept for a moment: what no stream carries, and what Binance refused."""

import gzip
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

from bpx.cache.kept import Kept
from bpx.upstream.body import BadBody, check_json
from bpx.upstream.call import Call, Reply

REFUSED_S = 5.0  # a 400 costs weight each time it is asked for again
REFUSED_BYTES = 64 << 10
ENTRIES = 2_000
BYTES = 32 << 20
PACKED_BYTES = 16 << 10  # from which on a body that came plain is kept compressed
LEVEL = 1

_ERROR = re.compile(rb'\s*\{\s*(?:\}|"(?:code|msg)"\s*:)')  # or nothing, said with status 200

Beside = Callable[[Callable[[], bytes], int], bytes]  # computes in a thread if it is much


@dataclass(frozen=True, slots=True)
class _Packed:
    reply: Reply
    is_packed: bool


class Replies:
    """Public replies by question, for as long as their endpoint's row says.

    Greenlets share it; its lock is never held while anything is computed.

    Args:
        now: monotonic seconds.
        beside: see `Beside`.
    """

    def __init__(self, now: Callable[[], float], beside: Beside) -> None:
        self._now = now
        self._beside = beside
        self._kept: Kept[_Packed] = Kept(ENTRIES, BYTES)
        self._lock = Lock()

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all bodies together, as they are kept."""
        return self._kept.size_bytes

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> int:
        """Keep nothing of it; return how many bytes that were."""
        with self._lock:
            return self._kept.clear()

    def read(self, key: Hashable) -> Reply | None:
        """Return the reply that was kept for a question; `kept_at` says since when."""
        with self._lock:
            packed = self._kept.read(key, self._now())
        if packed is None:
            return None
        if not packed.is_packed:
            return packed.reply
        body = packed.reply.body
        return replace(packed.reply, body=self._beside(partial(gzip.decompress, body), len(body)))

    def keep(self, key: Hashable, call: Call, reply: Reply) -> None:
        """Keep a reply, if it is one to keep and one whole JSON document."""
        now = self._now()
        age_s = _age_s(call, reply)
        if age_s <= 0:
            return
        try:
            self._beside(partial(_proven, reply.decoded), len(reply.decoded))
        except BadBody:
            return
        is_encoded = reply.header("Content-Encoding") is not None
        is_packed = not is_encoded and len(reply.body) > PACKED_BYTES
        kept = replace(reply, headers=_lasting(reply), decoded=b"", kept_at=now)
        if is_packed:
            pack = partial(gzip.compress, reply.body, LEVEL)
            kept = replace(kept, body=self._beside(pack, len(reply.body)))
        with self._lock:
            packed = _Packed(kept, is_packed)
            left_s = age_s - (self._now() - now)
            self._kept.keep(key, packed, len(kept.body), age_s=left_s, now=self._now())


def _age_s(call: Call, reply: Reply) -> float:
    """Return for how long a reply is good; 0.0 if it is not to be kept."""
    if not call.kind.is_public or call.method != "GET" or reply.stream is not None:
        return 0.0
    if reply.status == 200:
        return 0.0 if _ERROR.match(reply.decoded) else call.keep_s
    return REFUSED_S if reply.status == 400 and len(reply.body) <= REFUSED_BYTES else 0.0


def _proven(body: bytes) -> bytes:
    check_json(body)
    return b""


def _lasting(reply: Reply) -> tuple[tuple[str, str], ...]:
    """Leave out what was true of that moment only."""
    return tuple(pair for pair in reply.headers if not pair[0].lower().startswith("x-mbx-used"))
