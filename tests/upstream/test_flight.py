import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bpx.errors import NotSent, ReadFailed
from bpx.upstream.flight import SingleFlight
from tests.runtime import ThreadRuntime
from tests.waiting import eventually


class Question:
    """Something slow to ask, which is answered when the test says so."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.answered = threading.Event()
        self._error = error

    def __call__(self) -> str:
        self.asked += 1
        assert self.answered.wait(5)
        if self._error is not None:
            raise self._error
        return "answer"


def test_500_who_ask_the_same_share_one_call():
    flights, question = SingleFlight[str](ThreadRuntime()), Question()
    started = threading.Semaphore(0)

    def ask() -> str:
        started.release()
        return flights.share("key", question, 5)

    with ThreadPoolExecutor(500) as pool:
        answers = [pool.submit(ask) for _ in range(500)]
        for _ in range(500):
            started.acquire(timeout=5)
        eventually(lambda: question.asked == 1)
        question.answered.set()
        assert {answer.result(5) for answer in answers} == {"answer"}
    assert question.asked <= 2, "only whoever came after the answer may have asked anew"


def test_different_questions_do_not_share():
    flights, question = SingleFlight[str](ThreadRuntime()), Question()
    question.answered.set()
    assert flights.share("a", question, 5) == flights.share("b", question, 5) == "answer"
    assert question.asked == 2


def test_a_question_is_asked_anew_once_it_was_answered():
    flights, question = SingleFlight[str](ThreadRuntime()), Question()
    question.answered.set()
    for _ in range(2):
        flights.share("key", question, 5)
    assert question.asked == 2


def test_a_failure_reaches_all_who_wait_and_is_not_kept():
    flights = SingleFlight[str](ThreadRuntime())
    failure = NotSent("refused")
    question = Question(failure)
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(flights.share, "key", question, 5) for _ in range(10)]
        eventually(lambda: question.asked == 1)
        question.answered.set()
        assert all(isinstance(answer.exception(5), NotSent) for answer in answers)
    healthy = Question()
    healthy.answered.set()
    assert flights.share("key", healthy, 5) == "answer"


def test_a_mistake_of_ours_reaches_all_who_wait_instead_of_hanging_them():
    question = Question(KeyError("mistake"))
    question.answered.set()
    with pytest.raises(KeyError):
        SingleFlight[str](ThreadRuntime()).share("key", question, 5)


def test_whoever_waits_gives_up_at_its_deadline_and_the_others_still_get_their_answer():
    flights, question = SingleFlight[str](ThreadRuntime()), Question()
    with pytest.raises(ReadFailed):
        flights.share("key", question, 0.01)
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(flights.share, "key", question, 5)
        question.answered.set()
        assert patient.result(5) == "answer"
