"""One call on the wire: sent once, read whole, and every fault sorted by what may have happened."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import BoundedSemaphore
from typing import Any

import requests
from urllib3.exceptions import TimeoutError as HTTPTimeout

from bpx.errors import (
    Abandoned,
    Banned,
    NotSent,
    OutcomeUnknown,
    ReadFailed,
    ReadTimedOut,
    Redirected,
    RequestFailed,
    Throttled,
    Untrusted,
)
from bpx.runtime import DeadlinePassed, Runtime
from bpx.upstream.body import DECODED_BYTES, WHOLE_BYTES, check_json, decode
from bpx.upstream.call import Call, Headers, Kind, Reply
from bpx.upstream.connection import Attempt, Connecting
from bpx.upstream.headers import to_client
from bpx.upstream.large import ReplyStream
from bpx.upstream.raw import FAULTS, BadTarget, RawSession, header_pairs, is_untrusted, tls_for

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 16
LEAST_POOL_WAIT_S = 1.0
OFFLOAD_BYTES = 1 << 16  # from which on an encoded body is checked beside everything else


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much and how long.

    Args:
        connections: the most at a time, by pool.
        idle_s: by pool, how long an unused connection is still good.
        connect_s: name look-up, connect and TLS.
        pool_wait_s: for a connection of a full pool, instead of a kind's own.
        total_s: from start to end, instead of a kind's own.
    """

    connections: Mapping[str, int] = field(
        default_factory=lambda: {"public": 100, "signed": 10, "trade": 10}
    )
    idle_s: Mapping[str, float] = field(
        default_factory=lambda: {"public": 60.0, "signed": 60.0, "trade": 2.0}
    )
    connect_s: float = 3.0
    pool_wait_s: float | None = None
    total_s: float | None = None

    def total_of(self, kind: Kind) -> float:
        """Return the seconds that a call of that kind may take."""
        return kind.total_s if self.total_s is None else self.total_s

    def pool_wait_of(self, kind: Kind) -> float:
        """Return the seconds that a call of that kind may wait for a connection."""
        own_s = max(LEAST_POOL_WAIT_S, kind.wait_s)
        return own_s if self.pool_wait_s is None else self.pool_wait_s


class Elsewhere(ValueError):
    """The reply is a redirect."""


class Broken(Exception):
    """An attempt failed.

    Attributes:
        failure: what the client is to know.
        was_sent: a byte of the request may have arrived.
        is_hosts: it tells something about the host; our own bounds do not.
        has_connected: it came to a connection; False only if `is_hosts`.
    """

    def __init__(self, failure: RequestFailed, attempt: Attempt, *, is_hosts: bool = True) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.was_sent = attempt.was_sent
        self.is_hosts = is_hosts
        self.has_connected = attempt.was_sent or not is_hosts


class Wire:
    """Sessions to one origin, a pool for each sort of call.

    Args:
        origin: scheme, host and port.
        runtime: time and deadlines.
        bounds: sizes and times.
        ca_file: authorities to trust instead of the usual ones.
    """

    def __init__(
        self, origin: str, runtime: Runtime, bounds: Bounds, ca_file: str | None = None
    ) -> None:
        self.origin = origin
        self._runtime = runtime
        self._bounds = bounds
        # Not the pools' own bound: a wait in there that is cut off would leave it miscounted.
        self._slots = {
            pool: BoundedSemaphore(connections) for pool, connections in bounds.connections.items()
        }
        tls = tls_for(origin, ca_file)
        self._sessions = {
            pool: RawSession(origin, connections, self._connecting(pool), tls)
            for pool, connections in bounds.connections.items()
        }

    def close(self) -> None:
        """Close all connections that are not in use."""
        for session in self._sessions.values():
            session.close()

    def ask(
        self,
        call: Call,
        left_s: float,
        whole_bytes: int = WHOLE_BYTES,
        *,
        connect_s: float | None = None,
        slot_wait_s: float | None = None,
        look_again: Callable[[], None] | None = None,
    ) -> Reply:
        """Send a call once and read its reply.

        Args:
            call: what to send.
            left_s: seconds for all of it.
            whole_bytes: up to which the reply is read before it is returned.
            connect_s: to connect; the bounds' if that is less.
            slot_wait_s: for a connection of a full pool; the bounds' if that is less.
            look_again: raises if the call must not go any more, after it waited for a connection.

        Raises:
            Broken: there is no reply that could be passed on.
        """
        attempt = Attempt(call.target)
        slots, until = self._slots[call.kind.pool], self._runtime.now() + left_s
        slot_wait_s = _least(slot_wait_s, self._bounds.pool_wait_of(call.kind), left_s)
        if not slots.acquire(timeout=slot_wait_s):
            raise Broken(NotSent("all connections are busy"), attempt, is_hosts=False)
        stream = None
        try:
            if look_again is not None:
                look_again()
            left_s = max(0.001, until - self._runtime.now())
            timeout = (_least(connect_s, self._bounds.connect_s, left_s), left_s)
            with self._runtime.deadline(left_s):
                reply = self._ask(call, attempt, timeout, whole_bytes)
            stream = reply.stream
        except BadTarget as error:
            raise Broken(NotSent(str(error)), attempt, is_hosts=False) from error
        except (Throttled, Banned, Abandoned) as refusal:
            raise Broken(refusal, attempt, is_hosts=False) from refusal
        except FAULTS as error:
            raise Broken(_failure(call.kind, attempt, error), attempt) from error
        except Exception as bug:
            # Whatever it is: what was sent may have been carried out.
            log.exception("a call ended by a bug")
            raise Broken(_failure(call.kind, attempt, bug), attempt, is_hosts=False) from bug
        finally:
            if stream is None:  # else it still has its connection
                slots.release()
        return reply

    def _ask(
        self, call: Call, attempt: Attempt, timeout: tuple[float, float], whole_bytes: int
    ) -> Reply:
        session = self._sessions[call.kind.pool]
        response = session.deliver(call, attempt, timeout)
        try:
            reply = self._read(call, attempt, response, whole_bytes)
        except BaseException:
            response.close()
            raise
        return reply

    def _read(self, call: Call, attempt: Attempt, response: Any, whole_bytes: int) -> Reply:
        status: int = response.status_code
        if not attempt.was_sent:
            raise ValueError("a reply without a request")
        if 300 <= status < 400 and status != 304:
            raise Elsewhere(f"reply with status {status}")
        if status < 200:
            raise ValueError(f"reply with status {status}")
        pairs = header_pairs(response)
        if call.method != "HEAD" and _announced_bytes(pairs) > DECODED_BYTES:
            raise ValueError("reply is too large")
        headers = to_client(pairs)
        if call.method == "HEAD":
            headers += _content_length(pairs)
        chunks = response.raw.stream(CHUNK_BYTES, decode_content=False)
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > whole_bytes:
                free = self._slots[call.kind.pool].release
                stream = ReplyStream(self._runtime, response, bytes(body), chunks, free)
                return Reply(status, headers + _content_length(pairs), b"", stream)
        response.raw.release_conn()
        reply = Reply(status, headers, bytes(body))
        self._check(reply, has_end=_has_end(call, status, response))
        return reply

    def _check(self, reply: Reply, *, has_end: bool) -> None:
        """Prove that a body is whole: by its encoding, and by itself if nothing frames it."""
        encoding = reply.header("Content-Encoding")
        if has_end and (encoding is None or not reply.body):
            return
        if not reply.body and reply.status != 200:
            return
        decoding = partial(decode, reply.body, encoding)
        decoded = self.beside(decoding, len(reply.body))
        if not has_end and "json" in (reply.header("Content-Type") or "json"):
            check_json(decoded)

    def beside(self, compute: Callable[[], bytes], size_bytes: int) -> bytes:
        """See `beside`."""
        return beside(self._runtime, compute, size_bytes)

    def _connecting(self, pool: str) -> Connecting:
        return Connecting(
            now=self._runtime.now,
            deadline=self._runtime.deadline,
            connect_s=self._bounds.connect_s,
            idle_s=self._bounds.idle_s[pool],
        )


def beside(runtime: Runtime, compute: Callable[[], bytes], size_bytes: int) -> bytes:
    """Return what `compute` returns; if it has much to do, it does it in a thread."""
    return runtime.offload(compute) if size_bytes > OFFLOAD_BYTES else compute()


def _failure(kind: Kind, attempt: Attempt, error: Exception) -> RequestFailed:
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, Elsewhere):
        return Redirected(reason)
    if not attempt.was_sent:
        return Untrusted(reason) if is_untrusted(error) else NotSent(reason)
    if not kind.is_public:
        return OutcomeUnknown(reason)
    return ReadTimedOut(reason) if _is_timeout(error) else ReadFailed(reason)


def _is_timeout(error: Exception) -> bool:
    # requests calls a time-out while the body is read a ConnectionError.
    return isinstance(error, DeadlinePassed | requests.Timeout | HTTPTimeout | TimeoutError)


def _least(wished_s: float | None, *bounds_s: float) -> float:
    least_s = min(bounds_s)
    return least_s if wished_s is None else max(0.0, min(wished_s, least_s))


def _announced_bytes(pairs: list[tuple[str, str]]) -> int:
    lengths = [value for _, value in _content_length(pairs)]
    return int(lengths[0]) if lengths and lengths[0].isdecimal() else 0


def _content_length(pairs: list[tuple[str, str]]) -> Headers:
    return tuple(pair for pair in pairs if pair[0].lower() == "content-length")[:1]


def _has_end(call: Call, status: int, response: requests.Response) -> bool:
    """Tell whether HTTP itself shows where the body ends: without that, a cut looks like it."""
    is_bodiless = call.method == "HEAD" or status in (204, 304)
    is_chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return is_bodiless or is_chunked or "Content-Length" in response.headers
