"""The REST API of one market, asked within its limits."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial

from bpx.errors import Failing, NotSent, ReadFailed, ReadTimedOut
from bpx.metrics import UPSTREAM_KEPT, UPSTREAM_SHARED
from bpx.runtime import Memory, Runtime
from bpx.upstream.attempts import Attempts, Delivery
from bpx.upstream.body import DECODED_BYTES, WHOLE_BYTES, BadBody, beside, check_json
from bpx.upstream.bounds import Bounds
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.budget import Budget
from bpx.upstream.call import Call, Kind, Reply
from bpx.upstream.clock import Clock
from bpx.upstream.flight import GRACE_S, SingleFlight
from bpx.upstream.hosts import Host, Hosts, Reached
from bpx.upstream.question import question
from bpx.upstream.replies import Replies
from bpx.upstream.retry import Recovery
from bpx.upstream.second import is_passing
from bpx.upstream.tries import LEAST_S, Tries
from bpx.upstream.wire import Wire

CLASSES = sorted({kind.judged_as for kind in Kind})

OUR_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "gzip"), ("User-Agent", "bpx"))

Check = Callable[[bytes], None]


class Upstream:
    """Calls to one market. Greenlets share it; its locks are never held during a call.

    Args:
        market: its name, for metrics.
        rest_urls: of its hosts, the preferred one first: scheme, host and port, no path.
        runtime: tasks, time and deadlines.
        clock: the exchange's time; it is told every reply's Date.
        bucket: limits requests.
        weight_per_minute: Binance's limit, until `budget.adopt_limit` tells.
        probe: path of something cheap, asked after a hold.
        recovery: retries and breakers.
        bounds: sizes and times.
        ca_file: authorities to trust besides the usual ones.
        memory: of a hold that has begun before this process.
        client_weight: that one client may spend in a minute; None if there is no limit.
        weight_share: part of Binance's limit that is ours.
    """

    def __init__(
        self,
        market: str,
        rest_urls: Sequence[str],
        *,
        runtime: Runtime,
        clock: Clock,
        bucket: LeakyBucket,
        weight_per_minute: int,
        probe: str = "/api/v3/ping",
        recovery: Recovery | None = None,
        bounds: Bounds | None = None,
        ca_file: str | None = None,
        memory: Memory | None = None,
        client_weight: int | None = None,
        weight_share: float = 1.0,
    ) -> None:
        self.budget = Budget(
            market,
            runtime,
            clock,
            bucket,
            weight_per_minute,
            memory,
            client_limit=client_weight,
            part=weight_share,
        )
        self._runtime = runtime
        self._now = runtime.now
        self._bounds = bounds or Bounds()
        self._recovery = recovery or Recovery()
        threshold = self._recovery.failure_threshold
        wires = [Wire(url.rstrip("/"), runtime, self._bounds, ca_file) for url in rest_urls]
        hosts = [Host(market, wire, CLASSES, threshold) for wire in wires]
        self.hosts = Hosts(hosts, self._bounds.connect_s)
        ping = Call("GET", probe, OUR_HEADERS, kind=Kind.PROBE)
        attempts = Attempts(market, self.budget, ping, runtime)
        self.slow = attempts.slow
        self._tries = Tries(market, self.hosts, attempts, runtime, clock)
        self._flights: SingleFlight[Reply] = SingleFlight(
            runtime, UPSTREAM_SHARED.labels(market).inc, asks_apart=False
        )
        self._kept = UPSTREAM_KEPT.labels(market)
        self.replies = Replies(runtime.now, partial(beside, runtime))
        self._is_closed = False

    def close(self) -> None:
        """Make no more calls, and close the connections that are not in use."""
        self._is_closed = True
        self.budget.close()
        self.hosts.close()

    def report(self) -> tuple[Reached, ...]:
        """Return how its hosts do, without asking them anything."""
        return self.hosts.report(self._now())

    def connections(self) -> dict[str, tuple[int, int]]:
        """Return how many connections carry a call, and how many may, by pool."""
        used = self.hosts.busy()
        return {pool: (used[pool], most) for pool, most in self._bounds.connections.items()}

    def forget(self) -> int:
        """Forget the replies that are kept for a while; return how many there were."""
        count = len(self.replies)
        self.replies.clear()
        return count

    def forward(self, call: Call, began: float | None = None) -> Reply:
        """Ask Binance for a client, unchanged, and pass on whatever it answers.

        Args:
            call: what to ask; when it may be tried once more, see `tries`.
            began: when the client's request came; now, by default.

        Raises:
            Throttled: the budget is spent, or Binance has said 429.
            Banned: Binance has said 418.
            NotSent: no byte reached Binance.
            OutcomeUnknown: something signed or changing was sent, and no usable answer came.
            ReadFailed: a public read was sent, and no usable answer came.
            Redirected: Binance sent us elsewhere.
        """
        return self._forward(call, began, WHOLE_BYTES)

    def share(self, call: Call, began: float | None = None) -> Reply:
        """Ask Binance for all clients that ask the same at this moment, or a moment ago.

        A 400 answers for some seconds, and a 200 for as long as `call.keep_s`.
        Only for public reads. Raises what `forward` does, to everybody who waits.
        """
        key = question(call)
        kept = self.replies.read(key)
        if kept is not None:
            self._kept.inc()
            return kept
        began = self._now() if began is None else began
        wait_s = began + self._bounds.total_of(call.kind) + GRACE_S - self._now()
        ask = partial(self._ask_for_all, key, call, began)
        return self._flights.share(key, ask, max(0.0, wait_s), call.is_abandoned)

    def fetch(
        self,
        target: str,
        weight: int,
        kind: Kind = Kind.BACKGROUND,
        check: Check | None = check_json,
        client: str = "",
    ) -> Reply:
        """Ask Binance for ourselves, as often as `Recovery` says, within the time of one call.

        The reply's body is decoded.

        Args:
            target: path and query.
            weight: what Binance will charge.
            kind: PUBLIC if a client is waiting for it, else BACKGROUND.
            check: of the body; raises BadBody if it is not whole. None leaves it to the reader.
            client: the one that is waiting for it, if it is known.

        Raises:
            Throttled, Banned, NotSent: as `forward` does; also if Binance says so now.
            Failing: Binance answered with an error that the client's own question would get, too.
            ReadFailed: no answer came, or `check` did not like it.
        """
        call = Call("GET", target, OUR_HEADERS, b"", weight, kind, client=client)
        until = self._now() + self._bounds.total_of(kind)
        for wait_s in self._recovery.delays():
            try:
                return self._fetch(call, until, check)
            except (ReadFailed, NotSent) as failure:
                is_in_time = self._now() + wait_s + LEAST_S < until
                if not (is_in_time and is_passing(failure) and self._tries.may_ask_again(kind)):
                    raise
            self._runtime.sleep(wait_s)
        return self._fetch(call, until, check)

    def _fetch(self, call: Call, until: float, check: Check | None) -> Reply:
        self._refuse_if_closed()
        reply = _whole(self._tries.ask_once(Delivery(call, self._now(), until, DECODED_BYTES)))
        if reply.status in (429, 418):
            self.budget.refuse(call.kind)
            raise ReadFailed(f"status {reply.status}")
        headers = tuple(pair for pair in reply.headers if pair[0].lower() != "content-encoding")
        # After 400 and 404 the client's own question may fare better.
        if reply.status > 400 and reply.status != 404:
            raise Failing(reply.status, headers, reply.decoded)
        try:
            if check is not None:
                check(reply.decoded)
        except BadBody as error:
            raise ReadFailed(f"status {reply.status}: {error}") from error
        return Reply(reply.status, headers, reply.decoded, reply.decoded)

    def _ask_for_all(
        self, key: Hashable, call: Call, began: float, is_abandoned: Callable[[], bool]
    ) -> Reply:
        call = replace(call, is_abandoned=is_abandoned)
        reply = _whole(self._forward(call, began, DECODED_BYTES))
        self.replies.keep(key, call, reply)
        return reply

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise NotSent("the proxy is stopping")

    def _forward(self, call: Call, began: float | None, whole_bytes: int) -> Reply:
        self._refuse_if_closed()
        began = self._now() if began is None else began
        until = began + self._bounds.total_of(call.kind)
        if self._now() >= until:
            raise ReadTimedOut("no time is left")
        return self._tries.deliver(Delivery(call, began, until, whole_bytes))


def _whole(reply: Reply) -> Reply:
    if reply.stream is not None:
        reply.stream.close()
        raise ReadFailed("reply is too large")
    return reply
