import gzip
import logging
from threading import Thread

import pytest

from bpx.errors import NotSent
from bpx.feed.listing import KEPT_PARTS, Listing
from tests.runtime import ThreadRuntime
from tests.waiting import eventually


def document(*names, at=1795000000000):
    symbols = ",".join(f'{{"symbol":"{name}","status":"TRADING","filters":[]}}' for name in names)
    return (
        f'{{"timezone":"UTC","serverTime":{at},"rateLimits":[],"exchangeFilters":[],'
        f'"symbols":[{symbols}]}}'
    ).encode()


class Paced(ThreadRuntime):
    """Notes every sleep, and ends it when the test says so."""

    def __init__(self):
        super().__init__()
        self.time, self.slept, self.wakes = 100.0, [], 0
        self.offloaded = 0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        eventually(lambda: self.wakes > 0, within_s=30.0)
        self.wakes -= 1

    def offload(self, function, *args):
        self.offloaded += 1
        return function(*args)


class Instant(ThreadRuntime):
    """Sleeps no time."""

    def sleep(self, seconds):
        pass


class Exchange:
    """Gives a document, or raises, and knows how often it was asked."""

    def __init__(self):
        self.answer, self.asked = document("BTCUSDT"), 0

    def fetch(self):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Kept:
    """A listing that is followed in a thread."""

    def __init__(self, answer=None):
        self.runtime, self.exchange, self.told = Paced(), Exchange(), []
        self.exchange.answer = self.exchange.answer if answer is None else answer
        self.listing = Listing(
            "spot", self.exchange.fetch, self.told.append, refresh_s=30.0, runtime=self.runtime
        )
        self.loop = Thread(target=self.listing.follow, daemon=True)
        self.loop.start()
        eventually(lambda: len(self.runtime.slept) == 1)

    @property
    def view(self):
        return self.listing.cell.view

    def ask_again(self, answer):
        """Let the listing ask once more, and wait until it sleeps again."""
        sleeps = len(self.runtime.slept)
        self.exchange.answer = answer
        self.runtime.wakes += 1
        eventually(lambda: len(self.runtime.slept) > sleeps)

    def close(self):
        self.listing.close()
        self.runtime.wakes += 1
        self.loop.join(10.0)
        assert not self.loop.is_alive()


@pytest.fixture
def keep():
    kept = []

    def begin(answer=None):
        kept.append(Kept(answer))
        return kept[-1]

    yield begin
    for one in kept:
        one.close()


def test_the_document_is_kept_as_it_came_and_compressed(keep):
    kept = keep()
    assert kept.view.info.body == document("BTCUSDT")
    assert gzip.decompress(kept.view.packed.body) == document("BTCUSDT")
    assert (kept.view.version, kept.view.confirmed_at) == (1, 100.0)


def test_a_part_of_it_is_made_once_and_only_some_are_kept(keep):
    names = [f"S{number}USDT" for number in range(KEPT_PARTS + 5)]
    view = keep(document(*names)).view
    assert view.answer({}) == document(*names)
    part = view.answer({"symbol": names[0]})
    assert part == document(names[0])
    assert view.answer({"symbol": names[0]}) is part
    for name in names:
        assert view.answer({"symbol": name}) == document(name)


def test_it_is_asked_for_again_after_a_time(keep):
    kept = keep()
    kept.runtime.time = 130.0
    kept.ask_again(document("BTCUSDT", "ETHUSDT"))
    assert kept.runtime.slept == [30.0, 30.0]
    assert kept.view.info.body == document("BTCUSDT", "ETHUSDT")
    assert (kept.view.version, kept.view.confirmed_at) == (2, 130.0)


def test_every_document_is_told_of(keep):
    kept = keep()
    kept.ask_again(document("ETHUSDT"))
    assert [info.body for info in kept.told] == [document("BTCUSDT"), document("ETHUSDT")]


def test_the_same_document_is_confirmed_without_reading_it_again(keep):
    kept = keep()
    info = kept.view.info
    kept.runtime.time = 130.0
    kept.ask_again(document("BTCUSDT"))
    assert kept.view.info is info
    assert kept.view.confirmed_at == 130.0


def test_symbols_that_stay_are_neither_read_nor_compressed_again(keep):
    kept = keep()
    symbols, packed = kept.view.info.symbols, kept.view.packed
    later = document("BTCUSDT", at=1795000060000)
    kept.ask_again(later)
    assert kept.view.info.body == gzip.decompress(kept.view.packed.body) == later
    assert kept.view.info.symbols is symbols
    assert packed.body[packed.rest_at : -8] in kept.view.packed.body
    kept.ask_again(document("ETHUSDT", at=1795000120000))
    assert gzip.decompress(kept.view.packed.body) == kept.view.info.body
    assert list(kept.view.info.symbols) == ["ETHUSDT"]


def test_it_is_read_beside_everything_else(keep):
    kept = keep()
    kept.ask_again(document("ETHUSDT"))
    assert kept.runtime.offloaded == 2


@pytest.mark.parametrize(
    "answer",
    [
        NotSent("refused"),
        b"",
        b"{}",
        b"<html></html>",
        b'{"code":-1003,"msg":"Too many requests."}',
        document("BTCUSDT")[:-10],
        ZeroDivisionError("a bug"),
    ],
)
def test_what_is_no_document_never_replaces_one(keep, answer):
    kept = keep()
    view = kept.view
    kept.ask_again(answer)
    assert kept.view is view
    assert len(kept.told) == 1


def test_after_a_failure_it_is_asked_for_again_soon_and_then_less_often(keep):
    kept = keep(NotSent("refused"))
    for _ in range(7):
        kept.ask_again(NotSent("refused"))
    tops = [1, 2, 4, 8, 16, 30, 30, 30]
    assert all(0 <= wait <= top for wait, top in zip(kept.runtime.slept, tops, strict=True))
    assert kept.view is None
    kept.ask_again(document("BTCUSDT"))
    assert kept.runtime.slept[-1] == 30.0
    kept.ask_again(NotSent("refused"))
    assert kept.runtime.slept[-1] <= 1.0


def test_a_bug_is_logged_and_does_not_end_it(keep, caplog):
    kept = keep()
    with caplog.at_level(logging.ERROR):
        kept.ask_again(ZeroDivisionError("a bug"))
    assert "refreshing failed" in caplog.text
    kept.ask_again(document("ETHUSDT"))
    assert kept.view.info.body == document("ETHUSDT")


def test_it_can_be_ended(keep):
    kept = keep()
    kept.listing.close()
    kept.runtime.wakes += 1
    kept.loop.join(10.0)
    assert not kept.loop.is_alive()
    assert kept.exchange.asked == 1


def test_an_outage_is_told_of_once_and_so_is_its_end(keep, caplog):
    caplog.set_level(logging.INFO, "bpx.feed.listing")
    kept = keep(NotSent("connection refused"))
    kept.ask_again(NotSent("connection refused"))
    kept.ask_again(NotSent("cannot resolve api.binance.com"))
    kept.ask_again(NotSent("connection refused"))
    kept.ask_again(document("BTCUSDT"))
    kept.ask_again(document("BTCUSDT"))
    told = [record for record in caplog.records if record.name == "bpx.feed.listing"]
    assert [record.getMessage() for record in told] == [
        "spot exchangeInfo: connection refused",
        "spot exchangeInfo: cannot resolve api.binance.com",
        "spot exchangeInfo: answers again, after 4 failures",
    ]


def test_the_next_outage_is_told_of_at_once(keep, caplog):
    kept = keep()
    kept.ask_again(NotSent("connection refused"))
    kept.ask_again(document("BTCUSDT"))
    kept.ask_again(NotSent("connection refused"))
    assert caplog.text.count("connection refused") == 2


def test_a_question_that_a_stop_ends_is_no_warning(caplog):
    def fetch():
        listing.close()
        raise NotSent("the proxy is stopping")

    listing = Listing("spot", fetch, print, refresh_s=30.0, runtime=Instant())
    listing.follow()
    assert caplog.text == ""
