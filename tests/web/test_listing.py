"""exchangeInfo from a document of any age."""

from time import monotonic

import pytest

from bpx.cache.cell import Cell
from bpx.cache.packed import Packed
from bpx.exchange.info import ExchangeInfo
from bpx.feed.listing import ListingView
from bpx.web.listing import STALE_S, ListingAnswers
from tests.runtime import ThreadRuntime

INFO = b'{"timezone":"UTC","symbols":[{"symbol":"BTCUSDT","status":"TRADING"}]}'


class FakeListing:
    def __init__(self, age_s, is_failing=False):
        self.cell = Cell("exchangeInfo")
        self.is_failing, self.is_young = is_failing, False
        if age_s is not None:
            confirmed_at = monotonic() - age_s
            self.is_young = age_s <= 75
            self.cell.publish(
                ListingView(1, confirmed_at, ExchangeInfo(INFO), Packed(b"packed", 0))
            )

    def is_current(self, now):
        return self.is_young


@pytest.mark.parametrize(
    ("codings", "body", "coding"),
    [
        ("", INFO, None),
        ("gzip, deflate", b"packed", "gzip"),
        ("br", INFO, None),
        ("gzip;q=0", INFO, None),
        ("identity, gzip;q=0.0", INFO, None),
        ("GZIP", b"packed", "gzip"),
        ("gzip;q=0.5, br", b"packed", "gzip"),
    ],
)
def test_the_document_is_packed_for_whoever_accepts_it(codings, body, coding):
    answer = ListingAnswers(FakeListing(1), ThreadRuntime()).answer({}, codings)
    assert (answer.body, answer.coding, answer.source) == (body, coding, "cache")


@pytest.mark.parametrize(
    ("age_s", "is_failing", "is_answered"),
    [
        (74, False, True),
        (76, False, False),
        (76, True, True),
        (STALE_S - 30, True, True),
        (STALE_S + 5, True, False),
        (None, True, False),
    ],
)
def test_a_document_that_is_too_old_is_no_answer(age_s, is_failing, is_answered):
    # It may be older while Binance cannot be asked.
    answers = ListingAnswers(FakeListing(age_s, is_failing), ThreadRuntime())
    assert (answers.answer({}, "") is not None) is is_answered


def test_a_part_of_the_document_is_never_packed():
    answer = ListingAnswers(FakeListing(1), ThreadRuntime()).answer({"symbol": "BTCUSDT"}, "gzip")
    assert (answer.body, answer.coding) == (INFO, None)
