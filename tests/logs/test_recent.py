import logging

import pytest

from bpx.logs.recent import LONGEST, Recent


@pytest.fixture
def recent():
    return Recent(most=3)


@pytest.fixture
def log(recent):
    log = logging.getLogger("bpx.test_recent")
    log.setLevel(logging.DEBUG)
    log.addHandler(recent)
    yield log
    log.removeHandler(recent)


def told(recent):
    return [(event["level"], event["text"], event["times"]) for event in recent.shown()]


def test_the_newest_is_first_and_the_oldest_goes(recent, log):
    for number in range(5):
        log.info("event %d", number)
    assert [text for _, text, _ in told(recent)] == ["event 4", "event 3", "event 2"]


def test_what_repeats_in_a_row_is_one(recent, log):
    for _ in range(1000):
        log.warning("%s: lost", "spot")
    log.warning("%s: lost", "futures")
    assert told(recent) == [("warn", "futures: lost", 1), ("warn", "spot: lost", 1000)]


def test_what_is_of_no_importance_is_no_event(recent, log):
    log.debug("a detail")
    request = logging.LogRecord("bpx.requests", logging.INFO, "", 0, "GET /", None, None)
    recent.handle(request)
    assert told(recent) == []


def test_no_event_holds_a_secret_or_has_no_end(recent, log):
    log.error("failed: /api/v3/order?symbol=X&signature=%s %s", "f" * 64, "x" * 9_000)
    ((_, text, _),) = told(recent)
    assert "f" * 64 not in text
    assert len(text) <= LONGEST


def test_of_an_exception_it_is_told_which(recent, log):
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError:
        log.exception("following failed")
    assert told(recent) == [("error", "following failed: ZeroDivisionError('a bug')", 1)]


def test_a_malformed_line_is_an_event_all_the_same(recent):
    text = "%d is no number"
    recent.handle(logging.LogRecord("bpx", logging.WARNING, "", 0, text, ("x",), None))
    assert told(recent) == [("warn", "%d is no number", 1)]
