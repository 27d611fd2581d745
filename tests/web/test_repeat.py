"""Answers that are given again: told as the first time, and only while all is as it was."""

from collections.abc import Callable

from bpx.metrics import Count
from bpx.web.answer import Answer
from bpx.web.counting import Name, Sorts
from bpx.web.repeat import Repeat, Ticket

NAME = Name("spot", "/api/v3/klines", "/api/v3/klines", "GET", "200", "websocket")


class Here:
    """A repeat whose surroundings a test can change."""

    def __init__(self, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.now = 100.0
        self.answer: Answer | None = Answer((b"[", memoryview(b"1,2"), b"]"), "websocket", 99.5)
        self.is_admitted = True
        self.sorts, self.hits, self.repeated = Sorts(), Count(), Count()
        self.repeat = Repeat(
            lambda: self.now,
            lambda now: None if self.answer is None else (self.answer, None),
            Ticket(lambda now: self.is_admitted, headers),
            self.sort_of,
            (self.hits, self.repeated),
        )

    @property
    def sort_of(self) -> Callable[[str], object]:
        return lambda source: self.sorts[NAME._replace(source=source)]


def test_it_says_what_the_application_says_with_the_age_of_the_moment() -> None:
    here = Here()
    said, parts, length = here.repeat(here.now)
    assert b"".join(parts) == b"[1,2]"
    assert length == 5
    assert said == (
        b"Content-Type: application/json;charset=UTF-8\r\nData-Source: websocket\r\n"
        b"Data-Age-Ms: 500\r\nContent-Length: 5\r\n\r\n"
    )
    here.now = 101.25
    assert b"Data-Age-Ms: 1750\r\n" in here.repeat(here.now)[0]


def test_headers_of_whoever_let_it_in_are_said_whatever_is_in_them() -> None:
    here = Here((("Vary", "Origin"), ("X-Name", "%d%s%%")))
    assert here.repeat(here.now)[0].endswith(
        b"Content-Length: 5\r\nVary: Origin\r\nX-Name: %d%s%%\r\n\r\n"
    )


def test_what_is_said_follows_the_answer() -> None:
    here = Here()
    here.repeat(here.now)
    here.answer = Answer((b"[]",), "cache", 99.0, True, "gzip", True)
    assert here.repeat(here.now)[0] == (
        b"Content-Type: application/json;charset=UTF-8\r\nData-Source: cache\r\n"
        b"Data-Age-Ms: 1000\r\nData-Synthetic: 1\r\nVary: Accept-Encoding\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
    )


def test_where_there_is_no_answer_or_no_admission_nothing_is_said_nor_counted() -> None:
    here = Here()
    here.is_admitted = False
    assert here.repeat(here.now) is None
    here.is_admitted, here.answer = True, None
    assert here.repeat(here.now) is None
    assert (here.hits.value, here.repeated.value) == (0, 0)
    assert here.sorts == {}


def test_each_answer_is_counted_where_it_comes_from() -> None:
    here = Here()
    here.repeat(here.now)
    here.answer = here.answer._replace(source="cache")
    here.repeat(here.now)
    here.repeat(here.now)
    assert (here.hits.value, here.repeated.value) == (3, 3)
    counts = {name.source: sum(sort.seconds.counts) for name, sort in here.sorts.items()}
    assert counts == {"websocket": 1, "cache": 2}
