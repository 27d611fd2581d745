"""C9: a client that wants more than there is does not take it from the others."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from time import monotonic
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from bpx.exchange.futures import INTERVALS
from tests.faults.figures import figure
from tests.faults.place import limited
from tests.faults.scale import full_or

POLITE = 9
AT_ONCE = 8  # of the greedy one's requests
PER_S = full_or(500, 100)
SECONDS = full_or(70, 5)

SCARCE = {
    "weight": ({}, full_or(6_000, 600)),
    "requests": ({"BPX_RATE_SPOT_RPS": "12", "BPX_RATE_BURST_MULTIPLIER": "1"}, 6_000),
}

# Half of the symbols each: what has been asked for once costs nothing more.
GREEDYS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT",
           "AVAXUSDT", "LINKUSDT", "LTCUSDT", "BCHUSDT", "DOTUSDT")  # fmt: skip
POLITES = ("TRXUSDT", "ATOMUSDT", "SUIUSDT", "ARBUSDT", "NEARUSDT", "SUSHIUSDT")


class From(HTTPAdapter):
    """Connects from an address of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, source_address=(self._address, 0))


def ask(url: str, address: str, per_s: float, numbers: Iterator[int]) -> list[requests.Response]:
    """Ask for what no cache has, at a steady pace; return the answers."""
    began, answers, never = monotonic(), [], Event()
    with requests.Session() as session:
        session.mount("http://", From(address))
        while (now := monotonic()) < began + SECONDS:
            never.wait(max(0.0, began + len(answers) / per_s - now))
            target = f"/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2&startTime={next(numbers)}"
            answers.append(session.get(url + target, timeout=20))
    return answers


@pytest.mark.parametrize("scarce", SCARCE)
def test_c09_every_polite_bot_is_served_while_a_greedy_one_is_told_to_wait(scarce: str):
    options: Mapping[str, str]
    options, weight_per_minute = SCARCE[scarce]
    numbers = count(1)
    with (
        limited(options, weight_per_minute=weight_per_minute) as here,
        ThreadPoolExecutor(POLITE + AT_ONCE) as pool,
    ):
        url = here.bots.url
        greedy = [
            pool.submit(ask, url, "127.0.0.2", PER_S / AT_ONCE, numbers) for _ in range(AT_ONCE)
        ]
        polite = [
            pool.submit(ask, url, f"127.0.0.{10 + number}", 1.0, numbers)
            for number in range(POLITE)
        ]
        greedys = [answer for one in greedy for answer in one.result()]
        served = [
            sum(answer.status_code == 200 for answer in one.result()) / len(one.result())
            for one in polite
        ]
        refusals = [answer for answer in greedys if answer.status_code != 200]
        figure("C9", scarce=scarce, least_polite=min(served), greedy=len(greedys),
               greedy_refused=len(refusals))  # fmt: skip
        assert min(served) >= 0.95, served
        assert refusals
        assert {answer.status_code for answer in refusals} == {429}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refusals)
        assert {answer.headers["X-Proxy-Error"] for answer in refusals} == {"client-limit"}
        assert here.refusals() == 0


def ask_once(url: str, address: str, targets: Iterable[str]) -> list[requests.Response]:
    """Ask for each target, one after the other; return the answers."""
    with requests.Session() as session:
        session.mount("http://", From(address))
        return [session.get(url + target, timeout=20) for target in targets]


def series(symbols: tuple[str, ...], limit: int) -> list[str]:
    """Return what asks for each series of some symbols: it is followed from then on."""
    return [
        f"/fapi/v1/klines?symbol={symbol}&interval={interval}&limit={limit}"
        for interval in INTERVALS
        for symbol in symbols
    ]


def test_c09_a_bot_that_has_all_series_followed_leaves_the_others_their_part():
    with (
        limited(market="futures", weight_per_minute=2_400) as here,
        ThreadPoolExecutor(POLITE + AT_ONCE) as pool,
    ):
        here.to_second(5)
        url, wanted = here.bots.url, series(GREEDYS, 1500)  # 10 each: more than there is
        known = [ask_once(url, f"127.0.0.{10 + number}", ["/fapi/v1/time"]) for number in range(9)]
        assert all(answer.status_code == 200 for [answer] in known)
        greedy = [
            pool.submit(ask_once, url, "127.0.0.2", wanted[at::AT_ONCE]) for at in range(AT_ONCE)
        ]
        greedys = [answer for one in greedy for answer in one.result()]
        theirs = series(POLITES, 99)
        polite = [
            pool.submit(ask_once, url, f"127.0.0.{10 + number}", theirs[number::POLITE])
            for number in range(POLITE)
        ]
        polites = [answer for one in polite for answer in one.result()]
        refusals = [answer for answer in greedys if answer.status_code != 200]
        assert {answer.headers["X-Proxy-Error"] for answer in refusals} == {"client-limit"}
        assert {answer.status_code for answer in polites} == {200}
        assert here.refusals() == 0
