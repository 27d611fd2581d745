"""The trades before the start: sparse for years, dense for the last day."""

from math import exp, log
from random import Random

from bpx.simulator.listing import DAY_MS, Listing
from bpx.simulator.tape import Tape

HOUR_MS = 3_600_000
RECENT_MS = 27 * HOUR_MS
_DAILY_MOVE = 0.09  # from the lowest to the highest draw
_CLOSEST_MS = 100  # no two in one aggregate


def typical_steps(listing: Listing) -> int:
    """Return the mean quantity of a trade, worth about 800 dollars, in lot steps."""
    worth = {"BTC": 0.012, "ETH": 0.25, "BNB": 1.3, "TRY": 26_000.0}.get(listing.quote, 800.0)
    price = listing.start_ticks * listing.tick_units / 10.0**listing.price_decimals
    return max(2, int(worth / price * 10**listing.quantity_decimals))


def write_prehistory(tape: Tape, listing: Listing, random: Random, start_ms: int) -> int:
    """Fill `tape` from the listing to `start_ms`; return the price it ends with, in ticks."""
    end_ms = start_ms if listing.is_trading else start_ms - 30 * DAY_MS
    times = _times(listing, random, listing.listed_ms(start_ms), end_ms)
    prices = _path(times, listing.start_ticks, random)
    mean = typical_steps(listing)
    steps = [1 + int(-log(1.0 - random.random()) * mean) for _ in times]
    tape.load(times, prices, steps, [random.random() < 0.5 for _ in times])
    return prices[-1]


def _times(listing: Listing, random: Random, listed_ms: int, end_ms: int) -> list[int]:
    pace = listing.pace
    times = []
    time_ms = listed_ms
    recent_ms = end_ms - RECENT_MS
    hourly_ms = min(recent_ms, end_ms - pace.hourly_days * DAY_MS)
    while time_ms < end_ms:
        times.append(time_ms)
        if time_ms < hourly_ms:
            gap_ms, until_ms = pace.past_gap_ms, hourly_ms
        elif time_ms < recent_ms:
            gap_ms, until_ms = HOUR_MS, recent_ms
        else:
            gap_ms, until_ms = pace.recent_gap_ms, end_ms
        step_ms = max(_CLOSEST_MS, int(gap_ms * (0.3 + 1.4 * random.random())))
        if until_ms < time_ms + step_ms and until_ms < end_ms:
            step_ms = max(_CLOSEST_MS, until_ms - time_ms)
        time_ms += step_ms
    return times


def _path(times: list[int], end_price: int, random: Random) -> list[int]:
    prices = [end_price]
    price = float(end_price)
    lowest, highest = max(20.0, end_price / 3), end_price * 3.0
    for later, earlier in zip(reversed(times), reversed(times[:-1]), strict=False):
        move = _DAILY_MOVE * ((later - earlier) / DAY_MS) ** 0.5
        price = min(highest, max(lowest, price * exp(move * (random.random() - 0.5))))
        prices.append(int(price))
    prices.reverse()
    return prices
