"""Many new connections within a moment, each with one request; in one thread."""

import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

_CHUNK = 1 << 20


@dataclass(slots=True)
class Answer:
    """What one connection has got, and when.

    Args:
        request: what it sends.
        began: when it connected.
        took_s: until the last byte; None while there is more to come.
        content: all that came.
    """

    request: bytes
    began: float = 0.0
    took_s: float | None = None
    content: bytearray = field(default_factory=bytearray)
    whole: int = -1  # bytes of the whole answer, once its head is here

    @property
    def body(self) -> bytes:
        """What came behind the head."""
        return bytes(self.content).partition(b"\r\n\r\n")[2]

    def take(self, chunk: bytes) -> bool:
        """Add to it; return whether it is whole."""
        self.content += chunk
        if self.whole < 0 and (end := self.content.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.content[:end]).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            self.whole = end + 4 + length
        return len(self.content) == self.whole


def burst(
    address: tuple[str, int], requests: Sequence[bytes], within_s: float, longest_s: float = 30.0
) -> list[Answer]:
    """Send each request over a connection of its own, evenly over `within_s`; return the answers.

    Raises:
        AssertionError: one was not answered with 200, or not in time.
    """
    answers = [Answer(request) for request in requests]
    pause_s = within_s / len(answers)
    began = perf_counter()
    with selectors.DefaultSelector() as selector:
        sent = done = 0
        while done < len(answers):
            now = perf_counter()
            assert now - began < longest_s, f"{len(answers) - done} were not answered"
            while sent < len(answers) and now >= began + sent * pause_s:
                _connect(selector, address, answers[sent], now)
                sent += 1
                now = perf_counter()
            due_s = began + sent * pause_s - now if sent < len(answers) else 1.0
            for key, events in selector.select(max(0.0, due_s)):
                done += _served(selector, key, events)
    return answers


def _connect(
    selector: selectors.BaseSelector, address: tuple[str, int], answer: Answer, now: float
) -> None:
    link = socket.socket()
    link.setblocking(False)
    link.connect_ex(address)
    answer.began = now
    selector.register(link, selectors.EVENT_WRITE, answer)


def _served(selector: selectors.BaseSelector, key: selectors.SelectorKey, events: int) -> int:
    link, answer = key.fileobj, key.data
    assert isinstance(link, socket.socket)
    if events & selectors.EVENT_WRITE:
        link.send(answer.request)
        selector.modify(link, selectors.EVENT_READ, answer)
        return 0
    chunk = link.recv(_CHUNK)
    assert chunk, "the server closed the connection"
    if not answer.take(chunk):
        return 0
    answer.took_s = perf_counter() - answer.began
    selector.unregister(link)
    link.close()
    return 1
