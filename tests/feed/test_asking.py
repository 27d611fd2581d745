"""Who shares a question of a feed, and how it ends."""

from queue import SimpleQueue

import pytest

from bpx.errors import NotSent, Refused
from bpx.feed.asking import Asking
from bpx.feed.follower import Fetched, Question
from tests.runtime import ThreadRuntime

QUESTION = Question("/number", weight=1)


class Place:
    """An asking of which every question ends as the test says."""

    def __init__(self, end):
        self._end = end
        self.told = SimpleQueue()
        self.asking = Asking("spot x", self._ask, self.told.put, ThreadRuntime())

    def _ask(self, question, for_client):
        if isinstance(self._end, Exception):
            raise self._end
        return self._end

    def fetched(self, *, for_client=True):
        self.asking.begin(QUESTION, 7, for_client=for_client)
        return self.told.get(timeout=10)


def test_a_reply_is_told_with_the_generation_in_which_it_was_asked_for():
    fetched = Place(b"8").fetched()
    assert fetched == Fetched(QUESTION, fetched.began_at, 7, True, b"8")


@pytest.mark.parametrize("failure", [NotSent("refused"), Refused("no")])
def test_so_is_a_failure(failure):
    fetched = Place(failure).fetched()
    assert (fetched.body, fetched.failure) == (None, failure)


def test_a_bug_is_told_as_a_refusal_and_logged(caplog):
    fetched = Place(ZeroDivisionError("a bug")).fetched()
    assert isinstance(fetched.failure, Refused)
    assert "spot x: fetching failed" in caplog.text


@pytest.mark.parametrize(
    ("asked", "will_do_for_clients", "will_do_in_the_background"),
    [(True, True, True), (False, False, True)],
    ids=["for a client", "in the background"],
)
def test_a_client_does_not_wait_for_the_background(
    asked, will_do_for_clients, will_do_in_the_background
):
    place = Place(b"8")
    assert not place.asking.is_under_way(for_client=asked)
    fetched = place.fetched(for_client=asked)
    assert place.asking.is_under_way(for_client=True) is will_do_for_clients
    assert place.asking.is_under_way(for_client=False) is will_do_in_the_background
    place.asking.end(fetched)
    assert not place.asking.is_under_way(for_client=asked)
