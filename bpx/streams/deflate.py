"""permessage-deflate (RFC 7692) for what we receive: what is offered, agreed and decompressed.

What we send is never compressed: that is always allowed, and our few messages are short.
"""

import zlib

from bpx.streams.frames import INVALID_CONTENT, MOST_BYTES, TOO_BIG, BadFrame

OFFER = "permessage-deflate; client_max_window_bits"

_NAME = "permessage-deflate"
_FLAGS = frozenset({"server_no_context_takeover", "client_no_context_takeover"})
_BITS = frozenset({"server_max_window_bits", "client_max_window_bits"})
_WINDOWS = frozenset(text % bits for bits in range(8, 16) for text in ("%d", '"%d"'))
_TAIL = b"\x00\x00\xff\xff"  # of every compressed message, and not sent (RFC 7692, 7.2.1)
_ANY_WINDOW = -zlib.MAX_WBITS  # raw deflate; the largest window reads all smaller ones


class BadAnswer(Exception):
    """The server has agreed to what was not offered: the connection must fail (RFC 7692, 7.1)."""


class Inflater:
    """Decompresses the messages of one connection, one after the other.

    Args:
        keeps_context: whether a message may refer to what came in the ones before.
        most_bytes: of one message, decompressed.
    """

    def __init__(self, *, keeps_context: bool = True, most_bytes: int = MOST_BYTES) -> None:
        self._keeps_context = keeps_context
        self._most_bytes = most_bytes
        self._stream = zlib.decompressobj(_ANY_WINDOW)

    def __call__(self, payload: bytes) -> bytes:
        """Return a message as it was. No more memory is taken than the largest one needs.

        Raises:
            BadFrame: it is too big, or was not compressed by this method.
        """
        try:
            content = self._inflated(payload + _TAIL, self._most_bytes)
            if self._stream.eof:  # a final block ends a stream, and the rest begins another
                rest, self._stream = self._stream.unused_data, zlib.decompressobj(_ANY_WINDOW)
                content += self._inflated(rest, self._most_bytes - len(content))
        except zlib.error as error:
            raise BadFrame(f"it cannot be decompressed: {error}", INVALID_CONTENT) from error
        if self._stream.eof:
            raise BadFrame("a compressed message with several ends", INVALID_CONTENT)
        if not self._keeps_context:
            self._stream = zlib.decompressobj(_ANY_WINDOW)
        return content

    def _inflated(self, payload: bytes, most_bytes: int) -> bytes:
        content = self._stream.decompress(payload, most_bytes + 1)
        if len(content) > most_bytes:
            raise BadFrame(f"more than {self._most_bytes} bytes when decompressed", TOO_BIG)
        return content


def agreed(answer: str | None, *, is_offered: bool) -> Inflater | None:
    """Return how messages are decompressed; None if the server does not compress.

    Args:
        answer: the Sec-WebSocket-Extensions of the handshake, or None.
        is_offered: whether `OFFER` was in ours.

    Raises:
        BadAnswer: it is not one of the answers that the offer allows.
    """
    if answer is None:
        return None
    name, *parameters = (part.strip() for part in answer.split(";"))
    if not is_offered or name.lower() != _NAME:
        raise BadAnswer(f"an extension that was not offered: {answer[:100]}")
    names = [_parameter(text) for text in parameters]
    if len(set(names)) < len(names):
        raise BadAnswer(f"a parameter twice: {answer[:100]}")
    return Inflater(keeps_context="server_no_context_takeover" not in names)


def _parameter(text: str) -> str:
    """Return the name of a parameter, if it and its value exist."""
    name, has_value, value = (part.strip() for part in text.partition("="))
    name = name.lower()
    if (name in _FLAGS and not has_value) or (name in _BITS and value in _WINDOWS):
        return name
    raise BadAnswer(f"an unknown parameter: {text[:100]}")
