"""A body in gzip, of which a new beginning does not cost the whole again."""

import zlib
from dataclasses import dataclass

_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952, 2.3: deflate, no time, no system
_END_BYTES = 8  # checksum and size


@dataclass(frozen=True, slots=True)
class Packed:
    """A body as it is sent with `Content-Encoding: gzip`.

    Args:
        body: one member (RFC 1952).
        rest_at: where in it the second part begins.
    """

    body: bytes
    rest_at: int


def pack(
    head: bytes | memoryview,
    rest: bytes | memoryview,
    level: int,
    earlier: Packed | None = None,
) -> Packed:
    """Compress a body that is made of two parts.

    Args:
        head: what changes.
        rest: what mostly stays.
        level: of compression, 1 to 9.
        earlier: another body with the same `rest`, which is not compressed again.
    """
    begin = _HEAD + _deflated(head, level, zlib.Z_FULL_FLUSH)
    if earlier is None:
        packed_rest = _deflated(rest, level, zlib.Z_FINISH)
    else:
        packed_rest = earlier.body[earlier.rest_at : -_END_BYTES]
    sum_ = zlib.crc32(rest, zlib.crc32(head))
    size = (len(head) + len(rest)) & 0xFFFFFFFF
    end = sum_.to_bytes(4, "little") + size.to_bytes(4, "little")
    return Packed(b"".join((begin, packed_rest, end)), len(begin))


def _deflated(part: bytes | memoryview, level: int, mode: int) -> bytes:
    """Compress a part without looking at another, up to a whole byte."""
    compressing = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return compressing.compress(part) + compressing.flush(mode)
