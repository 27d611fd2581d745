"""What a walk brings: each answer of the proxy, with what the recording proves of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.recorded.files import Session
from tests.recorded.proofs import Best
from tests.recorded.stage import Answer


@dataclass(frozen=True)
class DepthSeen:
    """A depth answer: `proven` is the body that the recording proves, None if it proves none."""

    symbol: str
    at_ms: int
    answer: Answer
    proven: bytes | None
    best: Best | None  # as the book ticker of the same update id has it


@dataclass(frozen=True)
class KlinesSeen:
    """A klines answer, and the newest kline message until then."""

    symbol: str
    interval: str
    at_ms: int
    answer: Answer
    kline: dict[str, Any] | None

    @property
    def rows(self) -> list[list[Any]]:
        rows: list[list[Any]] = json.loads(self.answer.body)
        return rows


@dataclass(frozen=True)
class TickerSeen:
    """A ticker answer, and the newest recorded best prices."""

    at_ms: int
    answer: Answer
    best: Best | None


@dataclass(frozen=True)
class SnapshotSeen:
    """A forwarded depth answer at the instant of a recorded snapshot, and the recorded body."""

    symbol: str
    answer: Answer
    recorded: bytes
    is_untouched: bool


@dataclass
class Seen:
    """All that a walk brought."""

    session: Session
    document: Answer
    zipped: Answer
    parts: dict[str, Answer] = field(default_factory=dict)
    depth: list[DepthSeen] = field(default_factory=list)
    klines: list[KlinesSeen] = field(default_factory=list)
    tickers: list[TickerSeen] = field(default_factory=list)
    snapshots: list[SnapshotSeen] = field(default_factory=list)
    connects: int = 0

    @property
    def instants(self) -> int:
        """At how many instants something was compared."""
        compared = [row.at_ms for row in self.depth]
        compared += [row.at_ms for row in self.klines]
        compared += [row.at_ms for row in self.tickers]
        return len(set(compared))
