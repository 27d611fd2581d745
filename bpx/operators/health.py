"""What shape a market is in: facts, and what follows from them. Nothing is asked for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bpx.feed.feeds import Followed
from bpx.feed.health import Checkup
from bpx.streams.states import Carried
from bpx.upstream.breaker import State
from bpx.upstream.hosts import Reached
from bpx.upstream.standing import IN_A_ROW

_WITHOUT_LINK = ("connecting", "failing", "waiting")
PUBLIC = "public"  # the pool of the reads that a cache saves


@dataclass(frozen=True, slots=True)
class Spent:
    """The budget of requests.

    Args:
        used_weight, weight_limit: of the exchange's current minute.
        hold_left_s: seconds for which Binance wants no request; 0.0 if it takes them.
        blocked_left_s: seconds for which no public read goes, since a firewall said 403.
    """

    used_weight: int
    weight_limit: int
    hold_left_s: float
    blocked_left_s: float


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known of a market at one moment.

    Args:
        market: its name.
        is_draining: the server has been told to stop.
        streams: a row for each connection.
        feeds: by kind.
        listing_age_s: of exchangeInfo; None if there is none.
        budget: what may still be asked.
        hosts: of the REST API, a row for each class of calls.
        check: what the last look at all feeds has found.
    """

    market: str
    is_draining: bool
    streams: Sequence[Carried]
    feeds: Mapping[str, Followed]
    listing_age_s: float | None
    budget: Spent
    hosts: Sequence[Reached]
    check: Checkup


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether requests are wanted, and everything that is not as it should be.

    Args:
        status: `ok`, `degraded` (some answers are missing), `not ready` or `draining`.
        reasons: for people.
    """

    status: str
    reasons: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether requests are wanted."""
        return self.status in ("ok", "degraded")


def judge(vitals: Vitals) -> Verdict:
    """Tell what the facts mean.

    A market is ready if it can answer from streams or from REST: under a ban, what streams keep
    fresh goes on. It is not while a connection of its streams has failed too often in a row.
    """
    of_streams, of_rest = tuple(_why_no_streams(vitals)), tuple(_why_no_rest(vitals))
    reasons = (*of_streams, *of_rest, *_open_breakers(vitals))
    if vitals.is_draining:
        return Verdict("draining", ("the server has been told to stop", *reasons))
    can_serve = not of_rest or any(kind.fresh for kind in vitals.feeds.values())
    if not can_serve or any(one.state == "failing" for one in vitals.streams):
        return Verdict("not ready", reasons)
    return Verdict("degraded" if reasons else "ok", reasons)


def worst(verdicts: Sequence[Verdict]) -> str:
    """Return the status of several markets together."""
    order = ("ok", "degraded", "not ready", "draining")
    return max((verdict.status for verdict in verdicts), key=order.index, default="ok")


def shown(vitals: Vitals, verdict: Verdict) -> dict[str, Any]:
    """Return the facts as they are shown to operators."""
    facts = asdict(vitals)
    del facts["market"], facts["is_draining"]
    facts["breakers"] = [
        {"host": row.origin, "calls": row.pool, "state": row.breaker.value}
        for row in vitals.hosts
        if row.breaker is not None
    ]
    facts["hosts"] = [
        {"host": row.origin, "calls": row.pool, "failures": row.failures} for row in vitals.hosts
    ]
    page: dict[str, Any] = _rounded(
        {"status": verdict.status, "reasons": list(verdict.reasons), **facts}
    )
    return page


def _why_no_streams(vitals: Vitals) -> Iterator[str]:
    for one in vitals.streams:
        if one.state in _WITHOUT_LINK and one.streams:
            yield f"streams{one.route}: {_why_without(one)}"


def _why_without(one: Carried) -> str:
    """Tell what keeps a connection from its streams; at first, and after a good life, nothing."""
    facts = [f"{one.failures} failures in a row"] if one.failures else []
    facts += [one.last_loss] if one.last_loss else []
    return ", ".join(facts) or "not connected yet"


def _why_no_rest(vitals: Vitals) -> Iterator[str]:
    budget = vitals.budget
    if budget.hold_left_s > 0:
        yield f"REST: Binance wants no request for {budget.hold_left_s:.0f} s"
    if budget.blocked_left_s > 0:
        yield f"REST: a firewall lets no public read pass for {budget.blocked_left_s:.0f} s"
    public = [row for row in vitals.hosts if row.pool == PUBLIC]
    if not any(row.has_answered for row in public):
        yield "REST: has not answered yet"
    elif all(row.failures >= IN_A_ROW or row.breaker is State.OPEN for row in public):
        yield f"REST: {min(row.failures for row in public)} failures in a row"


def _open_breakers(vitals: Vitals) -> Iterator[str]:
    for row in vitals.hosts:
        if row.breaker is State.OPEN:
            yield f"REST: the breaker of {row.pool} calls to {row.origin} is open"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    return value
