"""A walk through exchange time, edge by edge, with questions at every stop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic

from tests.fidelity.judge import faults
from tests.fidelity.observation import Observation, streams_of
from tests.fidelity.questions import Questions
from tests.fidelity.scene import (
    EXCHANGE_INFO,
    Answer,
    Scene,
    elapsed_ms,
    key_of,
)

LONGEST_LEG_MS = 60_000  # books of longer ago are slow to rebuild
LUKEWARM_MS = 1_000  # a shorter step does not wait for subscriptions that are under way
NOT_TRADING = ("bccusdt", "srmusdt")

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Stop:
    """An instant to ask at.

    Args:
        at_ms: exchange time.
        counts: how many requests of each endpoint.
        newcomers: symbols that are asked of from here on.
    """

    at_ms: int
    counts: Counts
    newcomers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What became of one request."""

    endpoint: str
    target: str
    answer: Answer
    is_warm: bool
    faults: list[str]


class Walk:
    """Goes from stop to stop, asks, and judges what was answered."""

    def __init__(self, scene: Scene, questions: Questions) -> None:
        self.verdicts: list[Verdict] = []
        self._scene = scene
        self._questions = questions
        self._seen: list[Observation] = []
        self._now_ms = scene.sim.now_ms
        self._before_ms = self._now_ms
        self._stepped_at = monotonic()
        self._streams: set[str] = set()
        self._awaited: set[str] = set()

    def go(self, stops: Iterator[Stop]) -> None:
        """Visit every stop, in order of time."""
        for stop in stops:
            self._step_to(stop.at_ms)
            self._ask_for_the_first_time(stop.newcomers)
            for endpoint, count in stop.counts.items():
                for _ in range(count):
                    self._ask(endpoint, self._questions.draw(endpoint))
        self._judge()

    def _step_to(self, at_ms: int) -> None:
        scene = self._scene
        if at_ms - self._now_ms >= LUKEWARM_MS:
            scene.await_streams(self._awaited)
        if self._seen and at_ms - self._seen[0].at_ms > LONGEST_LEG_MS:
            self._judge()
        self._before_ms, self._now_ms = self._now_ms, at_ms
        self._stepped_at = monotonic()
        scene.step(at_ms - self._before_ms)
        self._streams = scene.streams()

    def _ask_for_the_first_time(self, newcomers: tuple[str, ...]) -> None:
        self._questions.symbols += newcomers
        for endpoint, target in self._questions.first_of_each(newcomers):
            self._ask(endpoint, target)
            self._awaited.update(streams_of(self._scene.market, endpoint, target))
        self._awaited = {name for name in self._awaited if not name.startswith(NOT_TRADING)}

    def _ask(self, endpoint: str, target: str) -> None:
        scene = self._scene
        answer = scene.fetch("GET", target)
        asked_ms = elapsed_ms(self._stepped_at), elapsed_ms(scene.began_at)
        streams = streams_of(scene.market, endpoint, target)
        sent = scene.last_sent(streams[0]) if streams else None
        scene.note_loads()
        loads = scene.loads.get(key_of(target), [])
        self._seen.append(
            Observation(
                scene=scene,
                endpoint=endpoint,
                target=target,
                at_ms=self._now_ms,
                answer=answer,
                sent=sent,
                was_sent_now=sent is not None and sent.at_ms > self._before_ms,
                load_ms=loads[-1] if loads else None,
                lists_ms=tuple(scene.loads.get(scene.path(EXCHANGE_INFO), [])[-3:]),
                since_step_ms=asked_ms[0],
                since_start_ms=asked_ms[1],
                is_warm=self._streams.issuperset(streams),
            )
        )

    def _judge(self) -> None:
        self.verdicts += [
            Verdict(seen.endpoint, seen.target, seen.answer, seen.is_warm, faults(seen))
            for seen in self._seen
        ]
        self._seen.clear()
