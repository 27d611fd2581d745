"""Frames right and wrong, after the groups of the Autobahn suite; each a case of its own."""

from tests.faults.frame_server import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    closing,
    frame,
)

MOST_BYTES = 8 << 20

TEXTS = {size: (b"0123456789" * (size // 10 + 1))[:size] for size in (0, 125, 126, 65_535, 65_536)}


def in_fragments(content: bytes, size: int = 1, between: bytes = b"") -> bytes:
    """Return a text message of frames of `size` bytes each, with something between them."""
    begins = range(0, len(content), size)
    frames = [
        frame(
            content[begin : begin + size],
            CONTINUATION if begin else TEXT,
            fin=begin == begins[-1],
        )
        for begin in begins
    ]
    return between.join(frames)


# Name -> what the server sends, the messages that come of it, and the pings to be answered.
ALLOWED: dict[str, tuple[bytes, list[tuple[int, bytes]], list[bytes]]] = {
    **{f"a text of {size}": (frame(text), [(TEXT, text)], []) for size, text in TEXTS.items()},
    "a binary message": (frame(b"\x00\xff", BINARY), [(BINARY, b"\x00\xff")], []),
    "8 MB": (frame(b"x" * MOST_BYTES), [(TEXT, b"x" * MOST_BYTES)], []),
    "8 MB in fragments": (
        in_fragments(b"x" * MOST_BYTES, 1 << 16),
        [(TEXT, b"x" * MOST_BYTES)],
        [],
    ),
    "fragments of a byte": (in_fragments(TEXTS[126]), [(TEXT, TEXTS[126])], []),
    "pings between fragments": (
        in_fragments(b"abc", between=frame(b"p", PING)),
        [(TEXT, b"abc")],
        [b"p", b"p"],
    ),
    "a pong between fragments": (
        in_fragments(b"abc", between=frame(b"p", PONG)),
        [(TEXT, b"abc")],
        [],
    ),
    "empty fragments": (
        frame(fin=False) + frame(b"a", CONTINUATION, fin=False) + frame(b"", CONTINUATION),
        [(TEXT, b"a")],
        [],
    ),
    "16 bits of length for 1 byte": (frame(b"a", length_bytes=2), [(TEXT, b"a")], []),
    "64 bits of length for 1 byte": (frame(b"a", length_bytes=8), [(TEXT, b"a")], []),
    "an empty ping": (frame(b"", PING), [], [b""]),
    "a ping of 125 bytes": (frame(b"\xff" * 125, PING), [], [b"\xff" * 125]),
    "ten pings": (b"".join(frame(b"%d" % n, PING) for n in range(10)), [],
                  [b"%d" % n for n in range(10)]),
    "a pong that nobody asked for": (frame(b"news", PONG), [], []),
    "a message that is not UTF-8": (frame(b"\xce\xba\xff"), [(TEXT, b"\xce\xba\xff")], []),
}  # fmt: skip

# Name -> what the server sends, and the code of the close frame that answers it.
FORBIDDEN: dict[str, tuple[bytes, int]] = {
    "reserved bit 1 without an extension": (frame(b"a", rsv=4), 1002),
    "reserved bit 2": (frame(b"a", rsv=2), 1002),
    "reserved bit 3": (frame(b"a", rsv=1), 1002),
    "a ping with reserved bits": (frame(b"a", PING, rsv=7), 1002),
    "a close frame with a reserved bit": (frame(b"", CLOSE, rsv=1), 1002),
    **{
        f"opcode {opcode}": (frame(b"a", opcode), 1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "a masked frame": (frame(b"a", mask=b"mask"), 1002),
    "a masked ping": (frame(b"a", PING, mask=b"mask"), 1002),
    "a ping of 126 bytes": (frame(b"a" * 126, PING), 1002),
    "a pong of 126 bytes": (frame(b"a" * 126, PONG), 1002),
    "a close frame of 126 bytes": (frame(b"\x03\xe8" + b"a" * 124, CLOSE), 1002),
    "a ping whose length is said with more bytes": (frame(b"a", PING, length_bytes=2), 1002),
    "a ping in fragments": (frame(b"a", PING, fin=False), 1002),
    "a close frame in fragments": (frame(b"", CLOSE, fin=False), 1002),
    "a close frame of one byte": (frame(b"\x03", CLOSE), 1002),
    "a continuation of nothing": (frame(b"a", CONTINUATION), 1002),
    "a last continuation of nothing": (frame(b"a", CONTINUATION, fin=False), 1002),
    "a continuation after the end": (in_fragments(b"ab") + frame(b"c", CONTINUATION), 1002),
    "a message within a message": (frame(b"a", fin=False) + frame(b"b"), 1002),
    "another kind of message within one": (
        frame(b"a", fin=False) + frame(b"b", BINARY, fin=False),
        1002,
    ),
    **{
        f"close code {code}": (closing(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
    "a close reason that is not UTF-8": (closing(1000, b"\xce\xba\xff"), 1007),
    "8 MB and a byte": (frame(length=MOST_BYTES + 1), 1009),
    "16 MB": (frame(length=16 << 20) + b"x" * 70_000, 1009),
    "a terabyte": (frame(length=1 << 40), 1009),
    "64 bits of length, all set": (frame(length=(1 << 64) - 1), 1009),
    "16 MB in fragments": (in_fragments(b"x" * (16 << 20), 1 << 20), 1009),
}
