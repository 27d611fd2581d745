"""After a gap in a stream nothing old is answered: the present is asked for, or refused."""

from collections.abc import Iterator

import pytest

from bpx.simulator.faults import Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.recorded.files import SESSIONS
from tests.recorded.proofs import proofs_of
from tests.recorded.stage import Answer, Stage, staged
from tests.simulator.recorded import needs_recordings
from tests.waiting import eventually

pytestmark = needs_recordings

NAME, SYMBOL = "cryptofeed/BINANCE_FUTURES", "SUSHIUSDT"
STREAM = "sushiusdt@depth20@100ms"
QUIET_MS = 1_000
SLOWLY_MS = 500  # it may take a machine from the decision to the headers
BEGIN_MS = 1_626_992_745_000  # its book is known, and changes ten times a second


class Place:
    """The session, the proxy, and the book that the recording proves."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._book = proofs_of(NAME).book(SYMBOL)
        stage.await_listing()
        stage.go_to(BEGIN_MS)
        self.ask()
        stage.await_streams({STREAM})

    def ask(self) -> Answer:
        return self.stage.ask(f"depth?symbol={SYMBOL}&limit=20")

    def proven(self) -> bytes | None:
        """Return the body that is right now."""
        self._book.move_to(self.stage.sim.now_ms)
        return self._book.reply(20)

    def follow(self) -> None:
        """Go on until the proxy answers from the stream."""
        before = self.proven()
        self.stage.go_to(self.stage.sim.now_ms + 1_000)
        answer = self.ask()
        assert (answer.source, answer.body) == ("websocket", self.proven())
        assert answer.body != before


def asked(sim: Simulator) -> int:
    """Return how often the exchange was asked for a book."""
    return sum("/depth?" in row.target for row in sim.requests)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    options = {"BPX_FRESH_QUIET_CHECK": f"{QUIET_MS}ms", "BPX_FRESH_KEPT": "1ms"}
    with staged(SESSIONS[NAME], **options) as stage:
        yield Place(stage)


def test_while_streams_are_cut_the_present_is_asked_for_and_never_the_past_told(
    place: Place,
) -> None:
    sim = place.stage.sim
    place.follow()
    sim.faults.refuse_handshakes(Refusal(503))
    sim.drop_connections()
    place.stage.await_loss()
    for _ in range(5):
        before = place.proven()
        sim.step(400)
        answer = place.ask()
        assert (answer.status, answer.source) == (200, "upstream")
        assert answer.body == place.proven() != before
    sim.faults.break_rest(RestFault("/fapi/v1/depth", status=503, body=b'{"code":-1001,"msg":"x"}'))
    sim.step(400)
    answer = place.ask()
    assert (answer.status, answer.body) == (503, b'{"code":-1001,"msg":"x"}')
    sim.faults.clear()
    place.stage.await_streams({STREAM})
    place.follow()


def test_a_stream_that_falls_silent_is_checked_before_its_last_word_gets_old(place: Place) -> None:
    sim = place.stage.sim
    place.follow()
    sim.faults.silence(STREAM)
    sim.step(1_000)
    asked_before = asked(sim)
    answers: list[Answer] = []

    def has_asked() -> bool:
        answers.append(place.ask())
        return asked(sim) > asked_before

    eventually(has_asked)
    assert answers[-1].body == place.proven()
    for answer in answers[:-1]:
        assert int(answer.headers["Data-Age-Ms"]) <= QUIET_MS + SLOWLY_MS
    sim.faults.clear()
