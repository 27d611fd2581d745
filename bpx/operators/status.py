"""Everything that is known of this process and its markets, for programs and for the page."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol

import bpx
from bpx import metrics
from bpx.feed.report import Reported, State
from bpx.logs.recent import Recent
from bpx.operators.health import Vitals, judge, shown, worst
from bpx.operators.history import History, Moment, spent_over
from bpx.operators.readings import Depths
from bpx.operators.totals import totals
from bpx.upstream.slow import SlowCall

CLIENTS = 50  # that are shown, of those that took most
SPENT_OVER = 60  # steps: five minutes
_WORST_FIRST = {state: place for place, state in enumerate(State)}


class Market(Protocol):
    """One market that runs."""

    def vitals(self) -> Vitals:
        """Return what shape it is in."""

    def depths(self) -> Depths:
        """Return how full things are."""

    def rows(self) -> Mapping[str, Sequence[Reported]]:
        """Return how every feed is, by kind."""

    def taken(self) -> Mapping[str, float]:
        """Return the weight that each client has lately taken, the most first."""

    def slow(self) -> Sequence[SlowCall]:
        """Return the slow calls of late, the newest first."""


@dataclass(frozen=True, slots=True)
class Process:
    """What is known of the process.

    Args:
        tasks, clients: how many there are at the moment.
        options: as they are in force, without secrets.
        resident_bytes: of memory.
    """

    tasks: Callable[[], int]
    clients: Callable[[], int]
    options: Mapping[str, str]
    resident_bytes: Callable[[], int]


class Status:
    """Tells of everything, and remembers the last minutes.

    Args:
        markets: that run.
        process: in which they do.
        events: that were logged.
    """

    def __init__(self, markets: Sequence[Market], process: Process, events: Recent) -> None:
        self._markets = markets
        self._process = process
        self._events = events
        self._began = _now()
        self._histories: dict[str, History] = {}

    def take(self) -> None:
        """Remember the moment."""
        for market in self._markets:
            vitals = market.vitals()
            self._history(vitals.market).add(_moment(vitals))

    def shown(self, most_feeds: int) -> dict[str, Any]:
        """Return everything.

        Args:
            most_feeds: of each market; those that are worst off come first.
        """
        vitals = [market.vitals() for market in self._markets]
        pairs = zip(self._markets, vitals, strict=True)
        now = _now()
        return {
            "status": worst([judge(one) for one in vitals]),
            "version": bpx.__version__,
            "python": platform.python_version(),
            "pid": os.getpid(),
            "now": round(now, 3),
            "uptime_s": round(now - self._began, 1),
            "resident_bytes": self._process.resident_bytes(),
            "tasks": self._process.tasks(),
            "clients": self._process.clients(),
            "markets": {one.market: self._market(it, one, most_feeds) for it, one in pairs},
            "events": self._events.shown(),
            "options": dict(self._process.options),
        }

    def _market(self, market: Market, vitals: Vitals, most_feeds: int) -> dict[str, Any]:
        steps = self._history(vitals.market).steps()
        depths = market.depths()
        rows = market.rows()
        listed = list(chain.from_iterable(
            (_row(kind, row) for row in some) for kind, some in rows.items()
        ))  # fmt: skip
        listed.sort(key=_urgency)
        facts = shown(vitals, judge(vitals))
        facts["budget"] |= {
            "by_kind": spent_over(steps[-SPENT_OVER:]),
            "by_client": _clients(market.taken()),
            "bucket": [round(number, 1) for number in depths.bucket],
        }
        facts["connections"] = {
            pool: {"busy": busy, "most": most} for pool, (busy, most) in depths.connections.items()
        }
        facts["states"] = _states(listed)
        facts["followed"] = listed[:most_feeds]
        facts["left_out"] = max(0, len(listed) - most_feeds)
        facts["slow"] = [_rounded(asdict(call)) for call in market.slow()]
        facts["replies"] = dict(totals(metrics.REPLIES, vitals.market, "source"))
        facts["history"] = [asdict(step) for step in steps]
        return facts

    def _history(self, market: str) -> History:
        return self._histories.setdefault(market, History())


def _moment(vitals: Vitals) -> Moment:
    return Moment(
        at=_now(),
        weight=vitals.budget.used_weight,
        limit=vitals.budget.weight_limit,
        replies=totals(metrics.REPLIES, vitals.market, "source"),
        messages=int(totals(metrics.STREAM_MESSAGES, vitals.market, "market").total()),
        spent=totals(metrics.UPSTREAM_WEIGHT, vitals.market, "kind"),
    )


def _row(kind: str, row: Reported) -> dict[str, Any]:
    return _rounded({"kind": kind, **asdict(row), "state": row.state.value})


def _rounded(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(fact, 3) if isinstance(fact, float) else fact for name, fact in facts.items()
    }


def _urgency(row: Mapping[str, Any]) -> tuple[int, float]:
    return _WORST_FIRST[State(row["state"])], -(row["age_s"] or 0.0)


def _states(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = {state.value: 0 for state in State}
    for row in rows:
        found[row["state"]] += 1
    return found


def _clients(taken: Mapping[str, float]) -> list[dict[str, Any]]:
    some = list(taken.items())[:CLIENTS]
    return [{"client": client, "weight": round(weight, 1)} for client, weight in some]


def _now() -> float:
    return datetime.now(UTC).timestamp()
