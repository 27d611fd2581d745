"""The receiving side of RFC 6455: bytes in, messages out, and nothing against the rules. Pure."""

from collections.abc import Callable
from enum import IntEnum

MOST_BYTES = 8 * 1024 * 1024  # of one message, on the wire and decompressed

PROTOCOL_ERROR = 1002
INVALID_CONTENT = 1007
TOO_BIG = 1009

_FINAL, _COMPRESSED, _RESERVED, _CONTROL = 0x80, 0x40, 0x30, 0x08
_MASKED = 0x80
_SHORTEST = 2  # bytes of a frame
_MOST_CONTROL_BYTES = 125
_LENGTH_BYTES = {126: 2, 127: 8}  # how many bytes say the length, if not the header itself
_WHOLE_TEXT = _FINAL | 1  # how most frames begin: a message of its own
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})


class Opcode(IntEnum):
    """What a frame is (RFC 6455, 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


Message = tuple[Opcode, bytes]
TEXT, BINARY, PONG = Opcode.TEXT, Opcode.BINARY, Opcode.PONG  # looked up once: it takes its time
_OPCODES = {int(opcode): opcode for opcode in Opcode}


class BadFrame(Exception):
    """What came is against the rules: the connection has to go.

    Attributes:
        code: of the close frame that says so.
    """

    def __init__(self, reason: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(reason)
        self.code = code


class Frames:
    """Puts messages together. What is too big is refused by its header, before it is there.

    That text is UTF-8 is left to whoever reads it as JSON.

    Args:
        inflate: decompresses a message; None if nothing may be compressed.
        most_bytes: of one message.
    """

    def __init__(
        self, inflate: Callable[[bytes], bytes] | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._inflate = inflate
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._parts = bytearray()
        self._opcode: Opcode | None = None  # of the message that goes on in the next frame
        self._is_compressed = False
        self._needed = _SHORTEST  # bytes in the buffer, before it is worth another look

    @property
    def is_amid(self) -> bool:
        """Whether a message or frame has begun and is not whole, once `next` has returned None."""
        return bool(self._buffer) or self.is_within_message

    @property
    def is_within_message(self) -> bool:
        """Whether the message that came last goes on in another frame."""
        return self._opcode is not None

    def feed(self, chunk: bytes) -> None:
        """Take what the socket has given."""
        self._buffer += chunk

    def next(self) -> Message | None:
        """Return the next message or control frame, or None if more bytes are needed for it.

        Raises:
            BadFrame: something is against RFC 6455 or 7692, or too big.
        """
        while len(self._buffer) >= self._needed:
            first = self._buffer[0]
            if first == _WHOLE_TEXT and self._opcode is None:
                text = self._text()
                if text is not None:
                    return TEXT, text
                if len(self._buffer) < self._needed:
                    return None
            opcode = self._checked(first)
            payload = self._payload(opcode)
            if payload is None:
                continue
            if opcode >= _CONTROL:
                return opcode, _checked_close(payload) if opcode is Opcode.CLOSE else payload
            message = self._add(opcode, first, payload)
            if message is not None:
                return message
        return None

    def _text(self) -> bytes | None:
        """Take the most usual frame off the buffer: a short, whole text.

        None if it is another, or not there yet: then it says how many bytes are needed.
        """
        buffer = self._buffer
        length, begin = buffer[1], 2
        if length == 126 and len(buffer) > 3:
            length, begin = buffer[2] << 8 | buffer[3], 4
        elif length > _MOST_CONTROL_BYTES:
            return None
        end = begin + length
        if length > self._most_bytes:
            return None
        if len(buffer) < end:
            self._needed = end
            return None
        text = bytes(buffer[begin:end])
        del buffer[:end]
        self._needed = _SHORTEST
        return text

    def _checked(self, first: int) -> Opcode:
        opcode = _OPCODES.get(first & 0x0F)
        if opcode is None or first & _RESERVED:
            raise BadFrame("a reserved opcode or bit")
        if opcode >= _CONTROL:
            if not first & _FINAL:
                raise BadFrame("a control frame in fragments")
        elif (opcode is Opcode.CONTINUATION) != (self._opcode is not None):
            raise BadFrame("a message within a message, or the continuation of none")
        if first & _COMPRESSED and not (self._inflate and opcode in (Opcode.TEXT, Opcode.BINARY)):
            raise BadFrame("compressed without leave")
        return opcode

    def _payload(self, opcode: Opcode) -> bytes | None:
        """Take the frame that is first in the buffer off it; return its payload if it is whole."""
        buffer = self._buffer
        length, begin = buffer[1], 2
        if length & _MASKED:
            raise BadFrame("masked")
        if opcode >= _CONTROL and length > _MOST_CONTROL_BYTES:
            raise BadFrame("a control frame of more than 125 bytes")
        if length in _LENGTH_BYTES:
            begin += _LENGTH_BYTES[length]
            if len(buffer) < begin:
                self._needed = begin
                return None
            length = int.from_bytes(buffer[2:begin])
        end = begin + length
        if len(self._parts) + length > self._most_bytes:
            raise BadFrame(f"a message of more than {self._most_bytes} bytes", TOO_BIG)
        if len(buffer) < end:
            self._needed = end
            return None
        payload = bytes(buffer[begin:end])
        del buffer[:end]
        self._needed = _SHORTEST
        return payload

    def _add(self, opcode: Opcode, first: int, payload: bytes) -> Message | None:
        """Add a frame of a message; return the message if that was the last of its frames."""
        if self._opcode is None:
            self._is_compressed = bool(first & _COMPRESSED)
            if first & _FINAL:
                return opcode, self._content(payload)
            self._opcode = opcode
        self._parts += payload
        if not first & _FINAL:
            return None
        opcode, self._opcode = self._opcode, None
        content, self._parts = bytes(self._parts), bytearray()
        return opcode, self._content(content)

    def _content(self, payload: bytes) -> bytes:
        return self._inflate(payload) if self._is_compressed and self._inflate else payload


def close_code(payload: bytes) -> int | None:
    """Return the code of a close frame; None if it has none."""
    return int.from_bytes(payload[:2]) if payload else None


def _checked_close(payload: bytes) -> bytes:
    if payload and close_code(payload) not in _CLOSE_CODES:
        raise BadFrame("a close code that does not exist")
    try:
        payload[2:].decode()
    except UnicodeDecodeError as error:
        raise BadFrame("a close reason that is not UTF-8", INVALID_CONTENT) from error
    return payload
