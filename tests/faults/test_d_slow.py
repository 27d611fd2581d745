"""Rows D1, D2, D3: clients that send or take their bytes slowly, and many of them."""

from collections.abc import Iterator
from threading import Thread

import pytest

from tests.faults.abuse import P99_S, Abused, Slow, Watch, abused, alone_p99_s, memory_mb, status_of
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.orders import Trader
from tests.faults.scale import IS_FULL, full_or
from tests.faults.stage import UNLIMITED, percentile, staged

READ_S = 5.0 if IS_FULL else 0.6  # so that a client is cut within 10 s
ROW_CUT_S = 10.0


@pytest.fixture(scope="module")
def impatient() -> Iterator[Abused]:
    with abused({"BPX_SERVER_READ_TIMEOUT": f"{READ_S}s"}) as here:
        yield here


def judged(here: Abused, slow: Slow, for_s: float, row: str) -> None:
    """Have them misbehave, and look at them and at others."""
    reference_s = alone_p99_s(here.proxy)
    before_mb = memory_mb(here.proxy)
    with Watch(here.proxy) as watch:
        slow.run(for_s)
    longest_s = max(cut.after_s for cut in slow.cuts)
    grown_mb = memory_mb(here.proxy) - before_mb
    figure(
        row,
        clients=slow.count,
        cut=len(slow.cuts),
        longest_s=longest_s,
        cached_p99_s=watch.p99_s,
        alone_p99_s=reference_s,
        cached=len(watch.took_s),
        rss_grown_mb=grown_mb,
    )
    assert len(slow.cuts) >= slow.count
    assert {status_of(cut.answer) for cut in slow.cuts} == {408}
    assert longest_s <= ROW_CUT_S
    assert slow.refused == 0
    assert watch.failures == []
    assert watch.p99_s <= max(P99_S, 2 * reference_s)
    assert grown_mb <= 100


def test_d1_slow_heads_are_cut_and_hurt_nobody(impatient: Abused) -> None:
    slow = Slow(
        impatient.proxy,
        count=full_or(2_000, 200),
        begin=lambda number: b"GET /api/v3/ping HTTP/1.1\r\nHost: slow\r\n",
        drip=b"X-Slow: 1\r\n",
    )
    judged(impatient, slow, for_s=full_or(120, 2), row="D1")


def test_d2_slow_bodies_are_cut_and_hurt_neither_reads_nor_orders(impatient: Abused) -> None:
    slow = Slow(
        impatient.proxy,
        count=full_or(2_000, 200),
        begin=lambda number: b"POST /api/v3/order HTTP/1.1\r\nContent-Length: 60000\r\n\r\nx=",
        drip=b"1",
        every_s=full_or(50, 5) / 10,
    )
    with Trader(impatient, every_s=0.2) as trader:
        judged(impatient, slow, for_s=full_or(60, 2), row="D2")
    figure("D2", orders=len(trader.sent), delivered=len(trader.delivered()))
    assert len(trader.sent) >= 5
    assert trader.failures == []
    assert trader.delivered() == trader.sent
    assert len(impatient.exchange.venue.account.ledger) == len(trader.sent)


BODY = b"[" + b",".join([b'{"symbol":"BTCUSDT","price":"61000.10000000"}'] * 34_000) + b"]"

PER_S = full_or(50, 100)  # as slowhttptest comes: a burst would measure what calls upstream cost


def test_d3_slow_readers_are_cut_and_cost_little_memory() -> None:
    write_s = full_or(25, 3)
    count = full_or(500, 120)
    assert len(BODY) > 1_500_000
    env = UNLIMITED | {"BPX_SERVER_WRITE_TIMEOUT": f"{write_s}s"}
    with staged(env) as stage:
        stage.exchange.talk = lambda request: reply(BODY)
        usual = ["/api/v3/ticker/price?n=0", "/api/v3/allOrders?n=0"] * 15
        answers = stage.spot.ask_all(usual, at_once=10)  # so that threads and connections exist
        assert {answer.reply.content for answer in answers} == {BODY}
        before_mb = stage.memory_mb()
        slow = Slow(
            stage.proxy,
            count=count,
            # Half of them ask for the same, which is in memory once.
            begin=lambda number: (
                b"GET /api/v3/allOrders?n=%d HTTP/1.1\r\n\r\n" % number
                if number % 2
                else b"GET /api/v3/ticker/price?n=0 HTTP/1.1\r\n\r\n"
            ),
            reads=1,
            per_s=PER_S,
        )
        reading = Thread(target=slow.run, args=(count / PER_S + 1, False))
        reading.start()
        most_mb = 0.0
        while reading.is_alive():
            most_mb = max(most_mb, stage.memory_mb())
            reading.join(0.05)
        longest_s = max(cut.after_s for cut in slow.cuts)
        whole = stage.spot.ask("/api/v3/ticker/price?n=0").reply.content
        figure(
            "D3",
            clients=count,
            cut_p50_s=percentile([cut.after_s for cut in slow.cuts], 0.5),
            longest_s=longest_s,
            rss_most_grown_mb=most_mb - before_mb,
        )
    assert len(slow.cuts) == count
    assert b"<never cut>" not in {cut.answer for cut in slow.cuts}
    assert longest_s <= 30
    assert most_mb - before_mb <= 100
    assert whole == BODY
