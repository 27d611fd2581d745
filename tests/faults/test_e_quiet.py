"""E1 where a book is quiet: a stream that dies alone is believed for a while, and no longer.

No rule tells a dead stream from an unchanged market without asking.
"""

import json
from threading import Event

import pytest

from tests.faults.figures import figure
from tests.faults.inside import Inside, inside
from tests.faults.scale import full_or
from tests.waiting import eventually

TARGET = "depth?symbol=ETHUSDT&limit=20"
QUIET_S, INTERVAL_S = full_or(10, 1), full_or(60, 4)  # as they are by default, in full
STILL_S = 2 * QUIET_S + 4  # so that it was unchanged at two checks
MOST_S = 1  # more: what it takes to ask


@pytest.mark.timeout(300)
@pytest.mark.parametrize("market", ["spot", "futures"])
def test_e1_a_quiet_book_whose_stream_dies_is_believed_for_one_interval(market: str) -> None:
    options = {
        "BPX_FRESH_QUIET_CHECK": f"{QUIET_S}s",
        "BPX_FRESH_CHECK_INTERVAL": f"{INTERVAL_S}s",
    }
    with inside(market, **options) as here:
        here.follow(TARGET, "ticker/24hr?symbol=BTCUSDT")  # whose connection is alive
        here.exchange.call(lambda: here.exchange.venue.still("ETHUSDT", STILL_S * 1000))  # type: ignore[attr-defined]
        moves_at_ms = here.exchange.now_ms + STILL_S * 1000
        asked = here.asked(TARGET)
        is_told_before(here, moves_at_ms)
        checks = here.asked(TARGET) - asked
        here.exchange.faults.silence("*@depth*")
        eventually(lambda: here.exchange.now_ms >= moves_at_ms + 500, within_s=STILL_S)
        believed_s = seconds_until_right(here, moves_at_ms)
    figure("E1", market=market, checks_of_a_quiet_book=checks, believed_s=believed_s)
    assert 1 <= checks <= 3
    assert believed_s <= INTERVAL_S + MOST_S


def is_told_before(here: Inside, until_ms: int) -> None:
    """Ask all the while that nothing happens."""
    while here.exchange.now_ms < until_ms - 500:
        assert here.ask(TARGET).status == 200
        Event().wait(0.05)


def seconds_until_right(here: Inside, moves_at_ms: int) -> float:
    """Ask until an answer is one of those after the market has moved."""
    still = json.loads(here.truth(TARGET, moves_at_ms - 1))["lastUpdateId"]

    def is_right() -> bool:
        return bool(here.ask(TARGET).content["lastUpdateId"] > still)

    eventually(is_right, within_s=INTERVAL_S + 30)
    return (here.exchange.now_ms - moves_at_ms) / 1000
