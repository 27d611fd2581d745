"""Profiles as `go tool pprof` and speedscope read them: gzipped protocol buffers.

The format: https://github.com/google/pprof/blob/main/proto/profile.proto. Of all of protocol
buffers it takes two kinds of fields, so that no library is needed to write it.
"""

import gzip
from collections.abc import Iterable

from bpx.profiles.profile import Frame, Profile

_VARINT, _BYTES = 0, 2  # how a field's value is written
_BITS = (1 << 64) - 1


class _Message:
    """The fields of a message, in the order in which they are put."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def whole(self, number: int, value: int) -> "_Message":
        """Put a number; 0 is what is not there."""
        if value:
            self._parts += [_varint(number << 3 | _VARINT), _varint(value)]
        return self

    def packed(self, number: int, values: Iterable[int]) -> "_Message":
        """Put several numbers; of these 0 counts."""
        return self.block(number, b"".join(map(_varint, values)))

    def block(self, number: int, value: bytes) -> "_Message":
        """Put bytes."""
        self._parts += [_varint(number << 3 | _BYTES), _varint(len(value)), value]
        return self

    def message(self, number: int, value: "_Message") -> "_Message":
        """Put another message."""
        return self.block(number, value.encoded())

    def encoded(self) -> bytes:
        """Return it as it is written."""
        return b"".join(self._parts)


class _Tables:
    """Strings, functions and places, each of which is written once and has a number from then."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {"": 0}
        self._functions: dict[tuple[str, str, int], int] = {}
        self._lines: dict[Frame, int] = {}

    def text(self, text: str) -> int:
        """Return the number of a text."""
        return self.texts.setdefault(text, len(self.texts))

    def line(self, frame: Frame) -> int:
        """Return the number of a line of a function."""
        self._function(frame)
        return self._lines.setdefault(frame, len(self._lines) + 1)

    def put_into(self, profile: _Message) -> None:
        """Write all of it, the texts last: the others need some."""
        for frame, number in self._lines.items():
            line = _Message().whole(1, self._function(frame)).whole(2, frame.line)
            profile.message(4, _Message().whole(1, number).message(4, line))
        for (name, file, first_line), number in self._functions.items():
            named = self.text(name)
            function = _Message().whole(1, number).whole(2, named).whole(3, named)
            profile.message(5, function.whole(4, self.text(file)).whole(5, first_line))
        for text in self.texts:
            profile.block(6, text.encode("utf-8", "replace"))

    def _function(self, frame: Frame) -> int:
        key = (frame.function, frame.file, frame.first_line)
        return self._functions.setdefault(key, len(self._functions) + 1)


def encode(profile: Profile) -> bytes:
    """Return a profile as a file for `go tool pprof`."""
    tables, message = _Tables(), _Message()
    for kind in profile.kinds:
        message.message(1, _kind(kind, tables))
    for (stack, labels), values in profile.samples.items():
        sample = _Message().packed(1, map(tables.line, stack)).packed(2, values)
        for key, text in labels:
            sample.message(3, _Message().whole(1, tables.text(key)).whole(2, tables.text(text)))
        message.message(2, sample)
    message.whole(9, profile.began_ns).whole(10, profile.duration_ns)
    if profile.period:
        message.message(11, _kind(profile.kinds[-1], tables)).whole(12, profile.period)
    message.packed(13, map(tables.text, profile.remarks))
    tables.put_into(message)
    return gzip.compress(message.encoded(), 6)


def _kind(kind: tuple[str, str], tables: _Tables) -> _Message:
    name, unit = kind
    return _Message().whole(1, tables.text(name)).whole(2, tables.text(unit))


def _varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    value &= _BITS  # a negative one is written as its two's complement
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
