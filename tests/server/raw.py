"""A client that writes bytes, and reads what comes until the end."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from typing import Any

from tests.proxy import Proxy


@contextmanager
def connected(proxy: Proxy, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    """Connect to the first market's port."""
    with socket.socket() as client:
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(20)
        client.connect(proxy.address)
        yield client


def exchange(proxy: Proxy, sent: bytes) -> bytes:
    """Send `sent`, and return everything that comes until the server closes."""
    with connected(proxy) as client:
        client.sendall(sent)
        return read_to_end(client)


def read_to_end(client: socket.socket) -> bytes:
    """Return everything that comes until the server closes."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    return received


def drip(client: socket.socket, byte: bytes = b"x") -> bytes:
    """Send a byte every 50 ms until the server says something; return what it says."""
    while not select([client], [], [], 0.05)[0]:
        client.sendall(byte)
    return read_to_end(client)


def refusal(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Return status and body of an error; it must be JSON, and say no more than it has to."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert b"Connection: close" in head
    assert b"gunicorn" not in answer
    return int(head.split()[1]), json.loads(body)
