import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bpx.errors import Abandoned, NotSent, OverShare, ReadFailed, ReadTimedOut
from bpx.upstream.call import never
from bpx.upstream.flight import SingleFlight
from tests.runtime import ThreadRuntime
from tests.streams.moved import MovedTime
from tests.waiting import eventually

SHARE = OverShare("Too much request weight used.", 7)


class Question:
    """Something slow to ask, which is answered when the test says so."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.answered = threading.Event()
        self._error = error

    def __call__(self, is_abandoned=never) -> str:
        self.asked += 1
        assert self.answered.wait(30)
        if self._error is not None:
            raise self._error
        return "answer"


@pytest.fixture
def joined() -> list[bool]:
    """One for each that came to what was asked already."""
    return []


@pytest.fixture(params=[True, False], ids=["apart", "by whoever came first"])
def flights(request: pytest.FixtureRequest, joined: list[bool]) -> SingleFlight[str]:
    return SingleFlight(ThreadRuntime(), lambda: joined.append(True), asks_apart=request.param)


def test_500_who_ask_the_same_share_one_call(flights: SingleFlight[str], joined: list[bool]):
    question = Question()
    with ThreadPoolExecutor(500) as pool:
        answers = [pool.submit(flights.share, "key", question, 30, never) for _ in range(500)]
        eventually(lambda: len(joined) == 499)
        question.answered.set()
        assert {answer.result(20) for answer in answers} == {"answer"}
    assert question.asked == 1


def test_different_questions_do_not_share(flights: SingleFlight[str]):
    question = Question()
    question.answered.set()
    assert (
        flights.share("a", question, 30, never)
        == flights.share("b", question, 30, never)
        == "answer"
    )
    assert question.asked == 2


def test_a_question_is_asked_anew_once_it_was_answered(flights: SingleFlight[str]):
    question = Question()
    question.answered.set()
    for _ in range(2):
        flights.share("key", question, 30, never)
    assert question.asked == 2


def test_a_failure_reaches_all_who_wait_and_is_not_kept(flights: SingleFlight[str]):
    failure = NotSent("refused")
    question = Question(failure)
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(flights.share, "key", question, 30, never) for _ in range(10)]
        eventually(lambda: question.asked == 1)
        question.answered.set()
        assert all(isinstance(answer.exception(20), NotSent) for answer in answers)
    healthy = Question()
    healthy.answered.set()
    assert flights.share("key", healthy, 30, never) == "answer"


def test_a_mistake_of_ours_reaches_all_who_wait_instead_of_hanging_them(flights: SingleFlight[str]):
    question = Question(KeyError("mistake"))
    question.answered.set()
    with pytest.raises(KeyError):
        flights.share("key", question, 30, never)


def test_whoever_waits_gives_up_at_its_deadline_and_the_others_still_get_their_answer():
    flights, question = SingleFlight[str](ThreadRuntime()), Question()
    with pytest.raises(ReadFailed):
        flights.share("key", question, 0.01, never)
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(flights.share, "key", question, 30, never)
        question.answered.set()
        assert patient.result(20) == "answer"


def test_whoever_asked_first_may_end_and_the_others_have_it_asked_anew():
    joined, question = threading.Event(), Question()
    flights = SingleFlight[str](ThreadRuntime(), joined.set, asks_apart=False)

    def end(is_abandoned) -> str:
        eventually(joined.is_set)
        raise SystemExit

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, "key", end, 5, never)
        eventually(lambda: "key" in flights._flights)
        question.answered.set()
        assert pool.submit(flights.share, "key", question, 5, never).result(5) == "answer"
        assert isinstance(first.exception(5), SystemExit)


class Waiting:
    """A question that waits for its turn, and is given up when nobody wants to know any more."""

    def __init__(self) -> None:
        self.is_abandoned = threading.Event()
        self.asked = 0

    def __call__(self, is_abandoned) -> str:
        self.asked += 1
        if self.asked > 1:
            return "answer"
        eventually(is_abandoned)
        self.is_abandoned.set()
        raise Abandoned


@pytest.mark.parametrize("asks_apart", [True, False])
def test_it_is_wanted_as_long_as_one_of_them_waits(asks_apart: bool):
    joined, question = threading.Event(), Question()
    flights = SingleFlight[str](ThreadRuntime(), joined.set, asks_apart=asks_apart)
    seen, has_first_gone = [], threading.Event()

    def ask(is_abandoned) -> str:
        eventually(has_first_gone.is_set)
        seen.append(is_abandoned())
        return question(is_abandoned)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, "key", ask, 30, has_first_gone.is_set)
        second = pool.submit(flights.share, "key", ask, 30, never)
        eventually(joined.is_set)
        has_first_gone.set()
        question.answered.set()
        assert {first.result(20), second.result(20)} == {"answer"}
    assert seen == [False]


def test_it_is_abandoned_when_all_have_gone(flights: SingleFlight[str]):
    question, has_gone = Waiting(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        only = pool.submit(flights.share, "key", question, 30, has_gone.is_set)
        eventually(lambda: question.asked == 1)
        assert not question.is_abandoned.is_set()
        has_gone.set()
        assert isinstance(only.exception(20), Abandoned)


def test_whoever_comes_to_a_question_that_is_just_given_up_has_it_asked_anew(
    flights: SingleFlight[str],
):
    question = Waiting()
    has_come_back = iter([True, False])  # gone when the question looks, here when it is answered
    answer = flights.share("key", question, 30, lambda: next(has_come_back))
    assert (answer, question.asked) == ("answer", 2)


def test_a_client_that_has_had_its_part_is_told_and_the_others_have_it_asked_for_themselves(
    flights: SingleFlight[str], joined: list[bool]
):
    greedy, polite = Question(SHARE), Question()
    polite.answered.set()
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(flights.share, "key", greedy, 30, never)
        eventually(lambda: greedy.asked == 1)
        others = [pool.submit(flights.share, "key", polite, 30, never) for _ in range(4)]
        eventually(lambda: len(joined) == 4)
        greedy.answered.set()
        assert first.exception(20) is SHARE
        assert [other.result(20) for other in others] == ["answer"] * 4
    assert greedy.asked == 1


def test_having_it_asked_anew_takes_no_more_time_than_there_is():
    time, joined = MovedTime(), list[bool]()
    flights = SingleFlight[str](time, lambda: joined.append(True))
    greedy, polite = Question(SHARE), Question()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(flights.share, "key", greedy, 30, never)
        eventually(lambda: greedy.asked == 1)
        other = pool.submit(flights.share, "key", polite, 28.0, never)
        eventually(lambda: len(joined) == 1)
        time.ahead_s += 27.9
        greedy.answered.set()
        assert isinstance(other.exception(20), ReadTimedOut)
        polite.answered.set()
