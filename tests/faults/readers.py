"""Readers that go on asking while something happens, and keep account of what they got."""

from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from itertools import count
from select import select
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple, Self

READS_PER_S = 200
READERS = 16  # each with a connection; those that wait are made up for by the others


class Got(NamedTuple):
    """What became of one question."""

    began_s: float
    ended_s: float
    status: int  # 0 if there was no answer
    error: str  # the name of what happened then


class Readers:
    """Clients that ask by the clock until they are stopped, or until nobody listens any more.

    As every client does that keeps its connections, they look whether one has ended before they
    ask on it. Nothing is asked twice.

    Args:
        address: of the proxy.
        targets: in turn.
        per_s: all of them together.
    """

    def __init__(
        self, address: tuple[str, int], targets: Sequence[str], per_s: float = READS_PER_S
    ) -> None:
        self.got: list[Got] = []
        self._address, self._targets, self._per_s = address, targets, per_s
        self._turns, self._over = count(), Event()
        self._threads = [Thread(target=self._read) for _ in range(READERS)]

    def __enter__(self) -> Self:
        self._began_s = monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def failed(self) -> list[Got]:
        """Return what was not answered well."""
        return [one for one in list(self.got) if one.status != 200]

    def _read(self) -> None:
        client = HTTPConnection(*self._address, timeout=20)
        while True:
            turn = next(self._turns)
            wait_s = self._began_s + turn / self._per_s - monotonic()
            if self._over.wait(max(0.0, wait_s)):
                break
            got = ask(client, self._targets[turn % len(self._targets)])
            self.got.append(got)
            if got.error == "ConnectionRefusedError":
                break
        client.close()


def ask(client: HTTPConnection, target: str) -> Got:
    """Ask once."""
    if client.sock is not None and select([client.sock], [], [], 0)[0]:
        client.close()  # it has ended, or somebody speaks out of turn
    began_s = monotonic()
    try:
        client.request("GET", target)
        reply = client.getresponse()
        reply.read()
    except (OSError, HTTPException) as error:
        client.close()
        return Got(began_s, monotonic(), 0, type(error).__name__)
    return Got(began_s, monotonic(), reply.status, "")
