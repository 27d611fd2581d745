"""Clients of the simulated exchange, as plain as they come."""

import socket
from contextlib import contextmanager

import websocket


@contextmanager
def connect(simulator, path, **options):
    client = websocket.create_connection(simulator.ws_url + path, timeout=5, **options)
    try:
        yield client
    finally:
        client.shutdown()


def closed_with(client):
    """Read on until the close frame and return its code and reason."""
    while True:
        opcode, payload = client.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(payload[:2]), payload[2:].decode()


def raw_http(simulator, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as wire:
        wire.sendall(request)
        received = b""
        while chunk := wire.recv(65536):
            received += chunk
        return received
