"""Talks to two servers in the same way, and says where their answers differ."""

import re
import socket
from collections.abc import Callable
from contextlib import suppress

from tests.server.lane_scripts import Script, Way

# What may differ: two moments, and what Binance counts.
_MOMENTS = re.compile(
    rb"(?mi)^(Date|Data-Age-Ms|X-MBX-USED-WEIGHT[^:]*|X-SAPI-USED[^:]*|X-MBX-UUID): [^\r]*\r"
)
_LENGTH = re.compile(rb"(?mi)^content-length: *(\d+)\r")


def normal(answers: bytes) -> bytes:
    """Return answers without what may differ."""
    return _MOMENTS.sub(rb"\1: -\r", answers)


class Talk:
    """Talks to one server.

    Args:
        address: of it.
        nudge: returns once the server has read whatever had been sent to it.
    """

    def __init__(self, address: tuple[str, int], nudge: Callable[[], None]) -> None:
        self._address = address
        self.is_broken = False  # the last time
        self._nudge = nudge

    def follow(self, script: Script) -> bytes:
        """Send what a script says, and return all that is answered.

        Where the server closes before it has read everything, the system resets the connection,
        and what of its answers was still under way is lost (RFC 9112, 9.6): by chance.
        """
        self.is_broken = False
        with socket.create_connection(self._address, timeout=20) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return normal(self._followed(client, script))

    def _followed(self, client: socket.socket, script: Script) -> bytes:
        if script.way is Way.IN_TURN:
            return self._in_turn(client, script.requests)
        sent = b"".join(script.requests)
        if script.way is Way.CUT:
            client.sendall(sent[: script.cut_at])
            self._nudge()
            sent = sent[script.cut_at :]
        with suppress(OSError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        return self._rest(client)

    def _in_turn(self, client: socket.socket, requests: tuple[bytes, ...]) -> bytes:
        answers = b""
        for request in requests:
            try:
                client.sendall(request)
            except OSError:
                break
            answer = one_answer(client, request)
            answers += answer
            if not answer or b"\r\nConnection: close\r\n" in answer:
                break
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        return answers + self._rest(client)

    def _rest(self, client: socket.socket) -> bytes:
        received = b""
        try:
            while chunk := client.recv(1 << 18):
                received += chunk
        except ConnectionError:
            self.is_broken = True
        return received


def one_answer(client: socket.socket, request: bytes) -> bytes:
    """Return the answer to a request; less if the server ends before that."""
    answer = b""
    while (end := answer.find(b"\r\n\r\n")) < 0 or answer.startswith(b"HTTP/1.1 100 "):
        if end >= 0:
            answer = answer[end + 4 :]  # it goes on
            continue
        chunk = _received(client)
        if not chunk:
            return answer
        answer += chunk
    length = _LENGTH.search(answer, 0, end + 2)
    is_bare = request.lstrip(b"\r\n").startswith(b"HEAD") or answer.startswith(b"HTTP/1.1 204 ")
    whole = end + 4 + (0 if length is None or is_bare else int(length[1]))
    while len(answer) < whole and (chunk := _received(client)):
        answer += chunk
    return answer


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(1 << 18)
    except ConnectionError:
        return b""
