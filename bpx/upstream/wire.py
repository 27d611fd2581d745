"""One call on the wire: sent once, over a connection of its own sort."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from threading import BoundedSemaphore

from bpx.errors import Banned, NotSent, Throttled
from bpx.runtime import Runtime
from bpx.upstream.body import WHOLE_BYTES
from bpx.upstream.bounds import Bounds
from bpx.upstream.broken import Broken, failure_of, is_ours
from bpx.upstream.call import Call, Reply
from bpx.upstream.connection import Attempt, Connecting
from bpx.upstream.raw import FAULTS, RawSession, tls_for
from bpx.upstream.reading import Reader

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pool:
    """The connections of one sort of call.

    Args:
        most: that there may be.
        kept: open, and waiting for the next call.
    """

    most: int
    kept: int


class Wire:
    """Sessions to one origin, a pool for each sort of call.

    Args:
        origin: scheme, host and port.
        runtime: time and deadlines.
        bounds: sizes and times.
        ca_file: authorities to trust besides the usual ones.
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
        self.busy = dict.fromkeys(bounds.connections, 0)  # connections that carry a call, by pool
        self._streams = BoundedSemaphore(bounds.streams)
        self._reader = Reader(runtime, self._stream_slot, bounds.chunk_bytes)
        tls = tls_for(origin, ca_file)
        self._sessions = {
            pool: RawSession(origin, connections, self._connecting(pool), tls)
            for pool, connections in bounds.connections.items()
        }

    def pools(self) -> dict[str, Pool]:
        """Return how many connections there are, by pool."""
        most = self._bounds.connections
        return {pool: Pool(most[pool], one.kept) for pool, one in self._sessions.items()}

    def close_unused(self) -> None:
        """Close the connections that are not in use; calls go on as before."""
        for session in self._sessions.values():
            session.close_unused()

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
        connect_by: float | None = None,
        slot_wait_s: float | None = None,
        look_again: Callable[[], None] | None = None,
    ) -> Reply:
        """Send a call once and read its reply.

        Args:
            call: what to send.
            left_s: seconds for all of it.
            whole_bytes: up to which the reply is read before it is returned.
            connect_by: monotonic seconds until when it may connect; the bounds hold in any case.
            slot_wait_s: for a connection of a full pool; the bounds' if that is less.
            look_again: raises if the call must not go any more, after it waited for a connection.

        Raises:
            Broken: there is no reply that could be passed on.
        """
        attempt = Attempt(call.target)
        slots, until = self._slots[call.kind.pool], self._runtime.now() + left_s
        slot_wait_s = _least(slot_wait_s, self._bounds.pool_wait_of(call.kind), left_s)
        has_waited = not slots.acquire(blocking=False)
        if has_waited and not slots.acquire(timeout=slot_wait_s):
            raise Broken(NotSent("all connections are busy"), attempt, is_hosts=False)
        self.busy[call.kind.pool] += 1
        try:
            if has_waited and look_again is not None:
                look_again()
            timeout = self._timeout(until, connect_by)
            with self._runtime.deadline(timeout[1]):
                return self._ask(call, attempt, timeout, whole_bytes)
        except (Throttled, Banned, NotSent) as refusal:
            raise Broken(refusal, attempt, is_hosts=False) from refusal
        except FAULTS as error:
            failure = failure_of(call.kind, attempt, error, self.origin)
            is_hosts = not is_ours(attempt, error)
            raise Broken(failure, attempt, is_hosts=is_hosts) from error
        except Exception as bug:
            # Whatever it is: what was sent may have been carried out.
            log.exception("a call ended by a bug")
            failure = failure_of(call.kind, attempt, bug, self.origin)
            raise Broken(failure, attempt, is_hosts=False) from bug
        finally:
            self.busy[call.kind.pool] -= 1
            slots.release()

    def _timeout(self, until: float, connect_by: float | None) -> tuple[float, float]:
        """Return the seconds to connect, and those for all.

        Raises:
            NotSent: it is too late.
        """
        now = self._runtime.now()
        wished_s = None if connect_by is None else connect_by - now
        connect_s = _least(wished_s, self._bounds.connect_s, until - now)
        if connect_s <= 0:
            raise NotSent("no time is left")
        return connect_s, until - now

    def _ask(
        self, call: Call, attempt: Attempt, timeout: tuple[float, float], whole_bytes: int
    ) -> Reply:
        response = self._sessions[call.kind.pool].deliver(call, attempt, timeout)
        try:
            if not attempt.was_sent:
                raise HTTPException("a reply without a request")
            return self._reader.read(call, response, whole_bytes)
        except BaseException:
            response.close()
            raise

    def _stream_slot(self) -> Callable[[], None] | None:
        return self._streams.release if self._streams.acquire(blocking=False) else None

    def _connecting(self, pool: str) -> Connecting:
        return Connecting(
            now=self._runtime.now,
            deadline=self._runtime.deadline,
            has_come=self._runtime.has_come,
            connect_s=self._bounds.connect_s,
            idle_s=self._bounds.idle_s[pool],
        )


def _least(wished_s: float | None, *bounds_s: float) -> float:
    least_s = max(0.0, min(bounds_s))
    return least_s if wished_s is None else max(0.0, min(wished_s, least_s))
