"""Rows D12 and C9 for clients with limits of their own: how often, how much, how many."""

import json
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import requests

from bpx.simulator.simulator import Simulator
from tests.faults.abuse import abused
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.stage import staged
from tests.waiting import eventually

TIME = "/api/v3/time"
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h")
FEEDS = 10


def test_a_client_that_asks_too_often_has_to_wait():
    with staged({"BPX_SECURITY_CLIENT_RPS": "2", "BPX_SECURITY_CLIENT_BURST": "20"}) as stage:
        began = monotonic()
        answers = stage.spot.ask_all([TIME] * 60, at_once=4)
        took_s = monotonic() - began
        refused = [one for one in answers if one.status == 429]
        assert 15 <= 60 - len(refused) <= 20 + 2 * took_s + 1
        assert refused
        for one in refused:
            assert one.code == -1003
            assert one.reply.headers["X-Proxy-Error"] == "client-limit"
            assert int(one.reply.headers["Retry-After"]) >= 1
        eventually(lambda: stage.spot.ask(TIME).status == 200)
        health = requests.get(f"{stage.proxy.operators_url}/health", timeout=20)
        assert health.status_code == 200, "operators have no such limit"


def test_a_client_spends_no_more_than_its_weight():
    with staged({"BPX_SECURITY_CLIENT_WEIGHT": "50"}) as stage:
        target = "/api/v3/aggTrades?symbol=A"  # weighs 4
        began = monotonic()
        answers = [stage.spot.ask(f"{target}{n}") for n in range(30)]
        back = (monotonic() - began) * 50 / 60  # has come meanwhile
        sent = [one for one in answers if one.status == 200]
        # exchangeInfo, which weighs 20, may have gone before
        assert 30 // 4 <= len(sent) <= (50 + back) // 4
        refused = [one for one in answers if one.status != 200]
        assert refused
        for one in refused:
            assert (one.status, one.code) == (429, -1003)
            assert one.reply.headers["X-Proxy-Error"] == "client-limit"
        # Its orders cost weight where they fail; to cancel one is always allowed.
        stage.exchange.talk = lambda hit: reply(b'{"code":-2010,"msg":"no"}', 400)
        orders = [stage.spot.ask(f"/api/v3/order?n={n}&signature=x", "POST") for n in range(10)]
        assert 429 in {one.status for one in orders}
        cancels = [stage.spot.ask(f"/api/v3/order?n={n}&signature=x", "DELETE") for n in range(10)]
        assert {one.status for one in cancels} == {400}
        taken = requests.get(f"{stage.proxy.operators_url}/status", timeout=20).json()
        assert "127.0.0.1" in json.dumps(taken)


def test_d12_one_client_begins_no_more_than_its_feeds_and_all_are_answered():
    with abused({"BPX_SECURITY_CLIENT_FEEDS": str(FEEDS)}) as here:
        symbols = symbols_of(here.exchange)[:8]
        targets = [
            f"/api/v3/klines?symbol={symbol}&interval={interval}&limit=5"
            for symbol in symbols
            for interval in INTERVALS
        ]

        def ask(target: str) -> requests.Response:
            return requests.get(here.proxy.url + target, timeout=20)

        began = monotonic()
        with ThreadPoolExecutor(4) as bots:
            answers = list(bots.map(ask, targets))
        assert {one.status_code for one in answers} == {200}
        page = requests.get(f"{here.proxy.operators_url}/status", timeout=20).json()
        took_s = monotonic() - began
        followed = len(page["markets"]["spot"]["followed"])
        figure("D12", asked=len(targets), followed=followed, refused=0)
        assert followed <= FEEDS + 1 + took_s / 6  # a sixth of one comes back in a second
        text = requests.get(f"{here.proxy.operators_url}/metrics", timeout=20).text
        assert "bpx_feeds_refused_total" in text


def symbols_of(exchange: Simulator) -> list[str]:
    """Return symbols that trade."""
    listing = requests.get(f"{exchange.rest_url}/api/v3/exchangeInfo", timeout=20).json()
    return [one["symbol"] for one in listing["symbols"] if one["status"] == "TRADING"]
