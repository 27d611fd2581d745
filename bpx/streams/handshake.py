"""How a stream connection is made: TCP, TLS, the upgrade; and what it means if that fails."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlsplit

import certifi
import websocket

from bpx.errors import Loss, StreamLost
from bpx.streams.deflate import OFFER, BadAnswer, Inflater, agreed

CONNECT_WITHIN_S = 5.0  # to one of a host's addresses: the next may answer
MOST_HEAD_BYTES = 16 * 1024
BANS = frozenset({403, 418, 429, 451})

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_COOKIE = re.compile(rb"(?<=\r\n)set-cookie:[^\r]*\r\n", re.IGNORECASE)

IsLate = Callable[[], bool]


def upgraded(
    url: str,
    within_s: float,
    *,
    is_late: IsLate,
    compression: bool,
    ca_file: str | None,
) -> tuple[socket.socket, Inflater | None]:
    """Connect and ask for a WebSocket; return its socket, and how messages are decompressed.

    Redirects are not followed, and no proxy of the environment is used. Whatever comes behind
    the head of the answer is left in the socket.

    Args:
        url: ws: or wss:, with the path.
        within_s: bounds every single wait.
        is_late: whether the time for all of it is up.
        compression: whether permessage-deflate is offered.
        ca_file: certificates to trust besides the usual ones, or None.

    Raises:
        StreamLost: there is no way to get there, no answer, or no WebSocket's.
    """
    link = _connected(url, within_s, ca_file)
    try:
        answer = _asked(link, url, OFFER if compression else None, is_late)
        return link, agreed(answer, is_offered=compression)
    except BadAnswer as error:
        link.close()
        raise StreamLost(f"the handshake failed: {error}", Loss.REFUSED) from error
    except BaseException:  # a deadline's, too
        link.close()
        raise


def _connected(url: str, within_s: float, ca_file: str | None) -> socket.socket:
    where = urlsplit(url)
    port = where.port or (443 if where.scheme == "wss" else 80)
    host = where.hostname or ""
    with _reaching():
        trust = _trust(ca_file) if where.scheme == "wss" else None
        plain = socket.create_connection((host, port), min(within_s, CONNECT_WITHIN_S))
        plain.settimeout(within_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if trust is None else _encrypted(plain, host, trust)


def _asked(link: socket.socket, url: str, extensions: str | None, is_late: IsLate) -> str | None:
    """Ask for a WebSocket; return the extensions that the server has agreed to, or None."""
    shaker = websocket.WebSocket(skip_utf8_validation=True)
    try:
        shaker.connect(  # type: ignore[no-untyped-call]
            url,
            socket=_Link(link, is_late),
            suppress_origin=True,
            header={"Sec-WebSocket-Extensions": extensions},
        )
    except (ValueError, websocket.WebSocketException) as error:
        raise StreamLost(f"the handshake failed: {error}", Loss.REFUSED) from error
    headers: dict[str, str] = shaker.getheaders() or {}
    return headers.get("sec-websocket-extensions")


class _Link:
    """A socket as websocket-client sees it: all that it reads is a head that lets us in.

    By itself it would read a head and a body of any length and pace, and keep cookies.
    """

    def __init__(self, link: socket.socket, is_late: IsLate) -> None:
        self._link = link
        self._is_late = is_late
        self._head: BytesIO | None = None

    def send(self, content: bytes) -> int:
        with _reaching():
            return self._link.send(content)

    def recv(self, size: int) -> bytes:
        if self._head is None:
            head = _welcome(_head(self._link, self._is_late))
            self._head = BytesIO(_COOKIE.sub(b"", head))
        return self._head.read(size)

    def gettimeout(self) -> float | None:
        return self._link.gettimeout()

    def close(self) -> None:
        self._link.close()


def _head(link: socket.socket, is_late: IsLate) -> bytes:
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        if len(head) == MOST_HEAD_BYTES:
            raise StreamLost("the answer to the handshake has no end", Loss.REFUSED)
        if is_late():
            raise StreamLost("no answer to the handshake in time", Loss.UNREACHABLE)
        with _reaching():
            byte = link.recv(1)  # what follows the head belongs to the frames
        if not byte:
            raise StreamLost("no answer to the handshake", Loss.UNREACHABLE)
        head += byte
    return bytes(head)


def _welcome(head: bytes) -> bytes:
    """Return `head` if it begins a WebSocket.

    Raises:
        StreamLost: it does not; that has its kind.
    """
    found = _STATUS.match(head)
    status = int(found[1]) if found else None
    if status == 101:
        return head
    later = _RETRY_AFTER.search(head)
    raise StreamLost(
        f"the handshake was answered with status {status}",
        Loss.BANNED if status in BANS else Loss.REFUSED,
        float(later[1]) if later else None,
    )


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:
        raise StreamLost(f"it cannot be reached: {error}", Loss.UNREACHABLE) from error


def _encrypted(plain: socket.socket, host: str, trust: ssl.SSLContext) -> ssl.SSLSocket:
    link = trust.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    try:
        link.do_handshake()
    except BaseException:  # a deadline's, too
        link.close()
        raise
    return link


@lru_cache(maxsize=2)
def _trust(ca_file: str | None) -> ssl.SSLContext:
    # Kept, for to read all certificates blocks everybody for some 20 ms.
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
