"""How stream connections are made: one WebSocket, opened within a deadline, and hung up."""

import ssl
from contextlib import suppress
from dataclasses import dataclass

import certifi
import websocket

from bpx.errors import StreamLost
from bpx.runtime import DeadlinePassed, Runtime

FAULTS = (OSError, websocket.WebSocketException, AttributeError)
# AttributeError: websocket-client has no socket to use once it was closed under its hands.


@dataclass(frozen=True, slots=True)
class Wire:
    """How connections are made and kept.

    Args:
        handshake_timeout_s: to connect, TLS and the upgrade included.
        ping_interval_s: our own pings, in any case.
        pong_timeout_s: a connection that says nothing for as long after a ping is lost.
        alive_s: a connection is alive if it has said anything in this time; it is pinged when
            it has been silent for half of it.
        reconnect_delay_s, max_reconnect_delay_s: tops of the first and the longest wait.
        queue_size: messages that may wait for one feed.
        ca_file: certificates to trust besides the usual ones, or None.
    """

    handshake_timeout_s: float = 30.0
    ping_interval_s: float = 30.0
    pong_timeout_s: float = 60.0
    alive_s: float = 5.0
    reconnect_delay_s: float = 1.0
    max_reconnect_delay_s: float = 300.0
    queue_size: int = 1000
    ca_file: str | None = None


def opened(url: str, wire: Wire, runtime: Runtime, timeout_s: float) -> websocket.WebSocket:
    """Connect, TLS and the upgrade included; later waits are bounded by `timeout_s` each.

    Raises:
        StreamLost: there is no connection within `wire.handshake_timeout_s`.
    """
    try:
        with runtime.deadline(wire.handshake_timeout_s):
            socket = websocket.create_connection(
                url,
                timeout=wire.handshake_timeout_s,
                skip_utf8_validation=True,  # the JSON parser checks it
                enable_multithread=True,
                redirect_limit=0,
                http_no_proxy=["*"],
                suppress_origin=True,
                sslopt={"context": _trust(wire.ca_file)} if url.startswith("wss:") else {},
            )
    except (OSError, websocket.WebSocketException, DeadlinePassed) as error:
        raise StreamLost(f"cannot connect: {error}") from error
    socket.settimeout(timeout_s)
    return socket


def hang_up(socket: websocket.WebSocket) -> None:
    """Close without waiting for the other side's close frame, and wake whoever reads."""
    with suppress(OSError, websocket.WebSocketException):
        socket.abort()  # type: ignore[no-untyped-call]
        socket.shutdown()  # type: ignore[no-untyped-call]


def _trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
