"""The REST API of one market, asked within its limits."""

import hashlib
from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from threading import Lock

from bpx.cache.kept import Kept
from bpx.errors import Banned, ReadFailed, Throttled
from bpx.metrics import UPSTREAM_CALLS
from bpx.runtime import Runtime
from bpx.upstream.body import DECODED_BYTES, WHOLE_BYTES, BadBody, check_json, decode
from bpx.upstream.bucket import LeakyBucket
from bpx.upstream.budget import Budget, Clock, Passage
from bpx.upstream.call import Call, Kind, Reply
from bpx.upstream.flight import SingleFlight
from bpx.upstream.wire import Bounds, Broken, Wire

KEEP_REFUSED_S = 5.0  # a 400 costs weight each time it is asked for again
GRACE_S = 0.5  # for a shared call to report its own failure, before its waiters give up
KEPT_ENTRIES = 2_000
KEPT_BYTES = 4 << 20
KEPT_REPLY_BYTES = 64 << 10

OUR_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "gzip"), ("User-Agent", "bpx"))
UNSHARED = frozenset({"user-agent"})  # do not change an answer


class Upstream:
    """Calls to one market. Greenlets share it; its locks are never held during a call.

    Args:
        market: its name, for metrics.
        rest_url: scheme, host and port, no path.
        runtime: tasks, time and deadlines.
        clock: the exchange's time; it is told every reply's Date.
        bucket: limits requests.
        weight_per_minute: Binance's limit, until `budget.adopt_limit` tells.
        bounds: sizes and times.
        ca_file: authorities to trust besides the usual ones.
    """

    def __init__(
        self,
        market: str,
        rest_url: str,
        *,
        runtime: Runtime,
        clock: Clock,
        bucket: LeakyBucket,
        weight_per_minute: int,
        bounds: Bounds | None = None,
        ca_file: str | None = None,
    ) -> None:
        self.budget = Budget(market, runtime, clock, bucket, weight_per_minute)
        self._market = market
        self._now = runtime.now
        self._bounds = bounds or Bounds()
        self._wire = Wire(rest_url.rstrip("/"), runtime, self._bounds, ca_file)
        self._flights: SingleFlight[Reply] = SingleFlight(runtime)
        self._kept: Kept[Reply] = Kept(KEPT_ENTRIES, KEPT_BYTES)
        self._kept_lock = Lock()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._wire.close()

    def forward(self, call: Call) -> Reply:
        """Ask Binance for a client: once, unchanged, and pass on whatever it answers.

        A public read whose reused connection turns out to be dead is asked a second time.

        Raises:
            Throttled: the budget is spent, or Binance has said 429.
            Banned: Binance has said 418.
            NotSent: no byte reached Binance.
            OutcomeUnknown: something signed or changing was sent, and no usable answer came.
            ReadFailed: a public read was sent, and no usable answer came.
        """
        return self._forward(call, WHOLE_BYTES)

    def share(self, call: Call) -> Reply:
        """Ask Binance for all clients that ask the same at this moment; keep a 400 for a while.

        Only for public reads. Raises what `forward` does, to everybody who waits.
        """
        key = _question(call)
        with self._kept_lock:
            kept = self._kept.read(key, self._now())
        if kept is not None:
            return kept
        wait_s = self._bounds.total_of(call.kind) + GRACE_S
        return self._flights.share(key, partial(self._ask_for_all, key, call), wait_s)

    def fetch(self, target: str, weight: int, kind: Kind = Kind.BACKGROUND) -> Reply:
        """Ask Binance for ourselves. The body is decoded and one whole JSON document.

        Args:
            target: path and query.
            weight: what Binance will charge.
            kind: PUBLIC if a client is waiting for it, else BACKGROUND.

        Raises:
            Throttled, Banned, NotSent: as `forward` does; also if Binance says so now.
            ReadFailed: Binance failed (5xx), or what it sent is not JSON.
        """
        reply = self._read_whole(Call("GET", target, OUR_HEADERS, b"", weight, kind))
        if reply.status in (429, 418):
            self.budget.refuse()
        if reply.status in (429, 418) or reply.status >= 500:
            raise ReadFailed(f"status {reply.status}")
        try:
            body = self._decoded(reply)
            check_json(body)
        except BadBody as error:
            raise ReadFailed(f"status {reply.status}: {error}") from error
        headers = tuple(pair for pair in reply.headers if pair[0].lower() != "content-encoding")
        return Reply(reply.status, headers, body)

    def _ask_for_all(self, key: Hashable, call: Call) -> Reply:
        reply = self._read_whole(call)
        if reply.status == 400 and len(reply.body) <= KEPT_REPLY_BYTES:
            self._keep(key, reply)
        return reply

    def _read_whole(self, call: Call) -> Reply:
        reply = self._forward(call, DECODED_BYTES)
        if reply.stream is not None:
            reply.stream.close()
            raise ReadFailed("reply is too large")
        return reply

    def _keep(self, key: Hashable, reply: Reply) -> None:
        try:
            check_json(self._decoded(reply))
        except BadBody:
            return
        now = self._now()
        headers = tuple(
            pair for pair in reply.headers if not pair[0].lower().startswith("x-mbx-used")
        )
        kept = replace(reply, headers=headers, kept_at=now)
        with self._kept_lock:
            self._kept.keep(key, kept, len(reply.body), age_s=KEEP_REFUSED_S, now=now)

    def _forward(self, call: Call, whole_bytes: int) -> Reply:
        until = self._now() + self._bounds.total_of(call.kind)
        try:
            return self._try(call, until, whole_bytes)
        except Broken as broken:
            if not (call.kind.is_public and broken.is_worth_another):
                raise broken.failure from broken
        try:
            return self._try(call, until, whole_bytes)
        except Broken as broken:
            raise broken.failure from broken

    def _try(self, call: Call, until: float, whole_bytes: int) -> Reply:
        """Make one attempt within the budget, and count what became of it."""
        passage = self._spend(call)
        was_sent = True
        is_over = False
        try:
            reply = self._wire.ask(call, max(0.001, until - self._now()), whole_bytes)
            self.budget.learn(passage, reply, self._refusal_text(reply))
            is_over = True
        except Broken as broken:
            was_sent = broken.was_sent
            self._count(call, type(broken.failure).__name__)
            raise
        finally:
            if not is_over:
                self.budget.give_up(passage, was_sent=was_sent)
        self._count(call, f"{reply.status // 100}xx")
        return reply

    def _spend(self, call: Call) -> Passage:
        try:
            return self.budget.spend(call)
        except (Throttled, Banned) as error:
            self._count(call, type(error).__name__)
            raise

    def _refusal_text(self, reply: Reply) -> bytes:
        if reply.status not in (429, 418) or len(reply.body) > KEPT_REPLY_BYTES:
            return b""
        try:
            return self._decoded(reply)
        except BadBody:
            return b""

    def _decoded(self, reply: Reply) -> bytes:
        decoding = partial(decode, reply.body, reply.header("Content-Encoding"))
        return self._wire.beside(decoding, len(reply.body))

    def _count(self, call: Call, outcome: str) -> None:
        UPSTREAM_CALLS.labels(self._market, call.kind.name.lower(), outcome).inc()


def _question(call: Call) -> Hashable:
    """Return what makes two calls equal. A key is told by its digest, and not kept."""
    headers = tuple(
        (name.lower(), _digest(value) if name.lower() == "x-mbx-apikey" else value)
        for name, value in call.headers
        if name.lower() not in UNSHARED
    )
    return call.method, call.target, headers, call.body


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("latin-1")).hexdigest()
