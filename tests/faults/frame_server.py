"""A WebSocket server of plain sockets: its handshakes and frames are whatever a test wants."""

import re
import socket
import struct
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1
from json import loads
from time import monotonic
from types import TracebackType
from typing import Self

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes = b"",
    length: int | None = None,
    length_bytes: int | None = None,
) -> bytes:
    """Return a frame, right or wrong.

    Args:
        payload: of the frame.
        opcode: 0 to 15.
        fin: whether the message ends with it.
        rsv: the three reserved bits as a number: 4 says compressed.
        mask: four bytes, or none.
        length: what the header says; that of `payload` if None.
        length_bytes: 0, 2 or 8 for the length; as few as do if None.
    """
    length = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    said = {0: length, 2: 126, 8: 127}[length_bytes]
    head = bytes([fin << 7 | rsv << 4 | opcode, bool(mask) << 7 | said])
    head += length.to_bytes(length_bytes, "big") if length_bytes else b""
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return `payload` under a mask, or what is under it."""
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload


def closing(code: int | None = None, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def accepted(head: bytes) -> bytes:
    """Return what proves that the handshake was read."""
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", head, re.IGNORECASE)
    assert found is not None
    return b64encode(sha1(found[1] + GUID).digest())


def welcome(head: bytes, *headers: str) -> bytes:
    """Return the answer of a server that follows RFC 6455."""
    more = "".join(f"{header}\r\n" for header in headers).encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accepted(head), more)
    )


def agreeing(head: bytes) -> bytes:
    """Welcome whoever offers permessage-deflate."""
    return welcome(head, "Sec-WebSocket-Extensions: permessage-deflate")


@dataclass
class Peer:
    """One client that was let in."""

    link: socket.socket
    head: bytes
    over: threading.Event

    def send(self, content: bytes) -> None:
        """Send any bytes."""
        self.link.sendall(content)

    def receive(self) -> tuple[int, bytes]:
        """Return the opcode and the payload of the client's next frame.

        Raises:
            EOFError: there is none.
        """
        first, second = self._read(2)
        assert second & 0x80, "a frame of a client that is not masked"
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        mask = self._read(4)
        return first & 15, masked(self._read(length), mask)

    def until_closed(self) -> int | None:
        """Return the code of the client's close frame; None if it goes without."""
        try:
            while True:
                opcode, payload = self.receive()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2], "big")
        except (OSError, EOFError):
            return None

    def acknowledge_all(self, heard: Callable[[int, bytes], None] = lambda *_: None) -> None:
        """Agree to all control messages until the client goes; tell `heard` of every frame."""
        with suppress(OSError, EOFError):
            while True:
                opcode, payload = self.receive()
                heard(opcode, payload)
                if opcode == TEXT:
                    self.send(frame(b'{"result":null,"id":%d}' % loads(payload)["id"]))

    def cut(self) -> None:
        """Reset the connection."""
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.link.close()

    def _read(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            piece = self.link.recv(size - len(content))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)


@dataclass
class FrameServer:
    """Answers each handshake with what `shake` makes of it, and goes on by `talk`.

    Args:
        talk: what to do with a client; the connection ends with it.
        shake: head of a handshake -> bytes of the answer; b"" for none, ever.
        connected_at: when connections came.
        heads: of their handshakes.
    """

    talk: Callable[[Peer], None] = lambda peer: None
    shake: Callable[[bytes], bytes] = welcome
    connected_at: list[float] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    _links: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in list(self._links):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        """Without a path."""
        return f"ws://127.0.0.1:{self.port}"

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connected_at.append(monotonic())
            self._links.append(link)
            self._start(self._talk, link)

    def _talk(self, link: socket.socket) -> None:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with link, suppress(OSError, EOFError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = link.recv(4096)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            answer = self.shake(head)
            link.sendall(answer)
            if answer.startswith(b"HTTP/1.1 101"):
                self.talk(Peer(link, head, self.over))
            elif not answer:
                self.over.wait()
