"""F1 to F4, F6: the server's processes are told to stop, are killed, or get stuck."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest
import requests

from bpx.simulator.faults import RestFault
from tests.faults.figures import figure
from tests.faults.life import DEPTH, TICKER, Life, is_gone, is_refused, living, started_again
from tests.faults.readers import Got, Readers
from tests.faults.scale import full_or
from tests.proxy import running_proxy
from tests.waiting import eventually

ORDER_S = full_or(9, 6)  # how long orders take: what is looked at meanwhile may take a while
AT_ONCE_S = full_or(1, 5)  # in the short form other tests run, too
ORDERS = 10


def drained(life: Life) -> tuple[list[requests.Response], float, float]:
    """Stop a server that has orders under way; return their answers and how long it took.

    The second time is how long it took until it was not ready.
    """
    life.follow(DEPTH, TICKER)
    life.slow_orders(ORDER_S)
    orders = [life.order(number) for number in range(ORDERS)]
    eventually(lambda: len(life.delivered()) == ORDERS, within_s=10)
    bot = requests.Session()
    assert bot.get(life.proxy.url + "/api/v3/time").headers["Connection"] == "keep-alive"
    worker, stopped_at = life.worker(), life.stop()
    eventually(life.is_draining, within_s=AT_ONCE_S)
    unready_s = monotonic() - stopped_at
    again = bot.get(life.proxy.url + "/api/v3/time")
    assert (again.status_code, again.headers["Connection"]) == (200, "close")
    assert life.operators("/ready").json()["status"] == "draining"
    assert life.operators("/live").status_code == 200
    answers = [order.result() for order in orders]
    eventually(lambda: is_gone(life.proxy.pid) and is_gone(worker), within_s=20)
    return answers, monotonic() - stopped_at, unready_s


@pytest.mark.timeout(900)
def test_f01_a_stop_under_load_loses_nothing_and_says_good_bye() -> None:
    lost, slowest_s, unready_s, read = 0, 0.0, 0.0, 0
    for _ in range(full_or(20, 2)):
        with living() as life, Readers(life.proxy.address, [DEPTH, TICKER]) as readers:
            answers, took_s, not_ready_s = drained(life)
            # Whoever reads is answered until nobody listens any more.
            assert {one.error for one in readers.failed()} == {"ConnectionRefusedError"}
            read += len(readers.got) - len(readers.failed())
            lost += ORDERS - sum(answer.status_code == 200 for answer in answers)
            assert all(answer.headers["Connection"] == "close" for answer in answers)
            assert len(life.delivered()) == ORDERS, "none is sent twice"
            eventually(lambda life=life: list(life.exchange.endings) != [])
            assert set(life.exchange.endings) == {1000}
            assert "unfinished" not in life.proxy.log()
        slowest_s, unready_s = max(slowest_s, took_s), max(unready_s, not_ready_s)
    figure("F1", lost=lost, reads=read, slowest_exit_s=slowest_s, not_ready_after_s=unready_s)
    assert lost == 0
    assert read > 100
    assert slowest_s <= 20


def test_f02_to_be_told_twice_changes_nothing() -> None:
    with living() as life:
        life.slow_orders(ORDER_S)
        order = life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        worker = life.worker()
        life.stop()
        eventually(life.is_draining, within_s=AT_ONCE_S)
        for again in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            life.kill(again)
            os.kill(worker, again)
        assert order.result().status_code == 200
        eventually(lambda: is_gone(life.proxy.pid), within_s=20)


def test_f02_an_interrupt_of_the_whole_group_finishes_what_is_under_way() -> None:
    with living() as life:
        life.slow_orders(ORDER_S)
        order = life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        os.killpg(life.proxy.pid, signal.SIGINT)
        assert order.result().status_code == 200
        eventually(lambda: is_gone(life.proxy.pid), within_s=20)
        assert "Traceback" not in life.proxy.log()


def test_f02_a_quit_does_not_wait() -> None:
    with living() as life:
        life.slow_orders(30)
        life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        worker = life.worker()
        life.stop()
        eventually(life.is_draining, within_s=AT_ONCE_S)
        quit_at = life.kill(signal.SIGQUIT)
        eventually(lambda: is_gone(life.proxy.pid) and is_gone(worker), within_s=full_or(2, 5))
        figure("F2", quit_s=monotonic() - quit_at)
        assert "stopped at once, 1 requests unfinished" in life.proxy.log()


def test_f02_while_it_reloads_somebody_serves_at_every_moment() -> None:
    with living({"BPX_RECOVERY_MAX_RETRIES": "0"}) as life:
        life.follow(DEPTH)
        old, answered, slowest_s = life.worker(), 0, 0.0
        life.kill(signal.SIGHUP)
        while old in life.workers():
            began = monotonic()
            assert life.ask("/api/v3/ping").status_code == 200
            answered, slowest_s = answered + 1, max(slowest_s, monotonic() - began)
        figure("F2", reload_answers=answered, reload_slowest_s=slowest_s)
        assert answered > 10
        assert slowest_s < AT_ONCE_S
        eventually(life.is_ready)
        assert life.workers() != [old]


def test_f02_a_stop_in_the_middle_of_a_reload_is_obeyed_at_once() -> None:
    with living() as life:
        life.slow_orders(9)
        order = life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        life.kill(signal.SIGHUP)
        eventually(lambda: life.proxy.log().count("operators' port: ") == 2)
        stopped_at = life.stop()
        eventually(lambda: not life.is_ready(), within_s=AT_ONCE_S)
        figure("F2", not_ready_in_a_reload_after_s=monotonic() - stopped_at)
        assert not order.done(), "the old worker is still at it"
        assert order.result().status_code == 200
        eventually(lambda: is_gone(life.proxy.pid), within_s=20)


def test_f02_a_quit_in_the_middle_of_a_reload_does_not_wait() -> None:
    with living() as life:
        life.slow_orders(30)
        life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        life.kill(signal.SIGHUP)
        eventually(lambda: life.proxy.log().count("operators' port: ") == 2)
        workers = life.workers()
        assert len(workers) == 2
        life.kill(signal.SIGQUIT)
        pids = (life.proxy.pid, *workers)
        eventually(lambda: all(map(is_gone, pids)), within_s=full_or(2, 5))


@pytest.mark.timeout(300)
def test_f03_a_killed_worker_costs_what_it_had_under_way_and_connects_no_more_than_it_has_to() -> (
    None
):
    slowest_s, rounds, killed = 0.0, full_or(12, 2), list[tuple[float, float]]()
    with living() as life:
        life.slow_orders(30)
        life.follow(DEPTH, TICKER)
        with Readers(life.proxy.address, [DEPTH, TICKER]) as readers:
            for number in range(rounds):
                kill, took_s = kill_with_an_order_under_way(life, number)
                killed.append(kill)
                slowest_s = max(slowest_s, took_s)
        lost = readers.failed()
        figure("F3", kills=rounds, slowest_answer_s=slowest_s, reads=len(readers.got),
               reads_lost=len(lost))  # fmt: skip
        assert len(readers.got) > 100 * rounds
        assert [one for one in lost if not was_under_way(one, killed)] == []
        assert all(one.status == 0 for one in lost)
        assert len(life.delivered()) == rounds, "an order that is lost is not sent again"
        # The row's own number where nothing else runs: a worker needs half a second of a processor.
        assert slowest_s <= full_or(2, 5)


def kill_with_an_order_under_way(life: Life, number: int) -> tuple[tuple[float, float], float]:
    """Kill the worker; return when (told and gone), and how long until the next one answers.

    Its streams come back, and by one connection.
    """
    order = life.order(number)
    eventually(lambda: len(life.delivered()) == number + 1)
    connects, worker, before = life.exchange.connects, life.worker(), monotonic()
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: worker not in life.workers())  # all of its threads have ended
    after = monotonic()
    eventually(life.answers)
    took_s = monotonic() - before
    with pytest.raises(requests.ConnectionError):
        order.result()
    life.follow(DEPTH, TICKER)
    assert life.exchange.connects - connects == 1, "no burst"
    return (before, after), took_s


def was_under_way(one: Got, killed: list[tuple[float, float]]) -> bool:
    """Whether a question had been asked when a worker was killed."""
    return any(one.began_s <= after and one.ended_s >= before for before, after in killed)


def test_f03_a_new_worker_does_not_take_the_budget_for_full() -> None:
    with living() as life:
        limit = life.health()["budget"]["weight_limit"]
        # Binance tells nothing of what is used, and of nothing but the listing.
        life.exchange.faults.break_rest(RestFault("/api/v3", status=500))
        worker = life.worker()
        os.kill(worker, signal.SIGKILL)
        eventually(
            lambda: life.workers() != [worker] and not is_refused(life.proxy.operators_url),
            within_s=20,
        )
        used = life.health()["budget"]["used_weight"]
        figure("F3", assumed_weight=used, limit=limit)
        assert used >= limit / 2


def test_f03_a_new_worker_goes_on_holding() -> None:
    with living() as life:
        life.follow(DEPTH)
        ban = RestFault(status=418, body=b"{}", headers={"Retry-After": "120"})
        life.exchange.faults.break_rest(ban)
        eventually(lambda: life.ask("/api/v3/time").status_code == 418)
        life.exchange.faults.clear()
        life.exchange.requests.clear()
        worker = life.worker()
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: worker not in life.workers() and life.workers() != [])
        refused = life.ask("/api/v3/time")
        assert (refused.status_code, int(refused.headers["Retry-After"]) > 60) == (418, True)
        assert life.health()["budget"]["hold_left_s"] > 60
        assert len(life.exchange.requests) == 0


def test_f04_without_its_master_a_worker_ends_and_leaves_the_port(tmp_path: Path) -> None:
    with killed() as life:
        life.follow(DEPTH)
        life.slow_orders(30)
        life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        worker = life.worker()
        killed_at = life.kill(signal.SIGKILL)
        eventually(lambda: is_gone(worker))
        gone_s = monotonic() - killed_at
        assert is_refused(life.proxy.url)
        assert is_refused(life.proxy.operators_url)
        began = monotonic()
        with started_again(life, tmp_path / "log"):
            eventually(life.is_ready, within_s=20)
            ready_s = monotonic() - began
            assert life.answers(DEPTH)
    figure("F4", worker_gone_after_s=gone_s, ready_again_after_s=ready_s)


def test_f04_nor_does_it_stay_when_its_master_dies_while_it_stops() -> None:
    with killed() as life:
        life.slow_orders(30)
        life.order(1)
        eventually(lambda: len(life.delivered()) == 1)
        worker = life.worker()
        life.stop()
        eventually(life.is_draining, within_s=AT_ONCE_S)
        life.kill(signal.SIGKILL)
        eventually(lambda: is_gone(worker))


@contextmanager
def killed() -> Iterator[Life]:
    """Run a proxy that ends otherwise than it should."""
    with pytest.raises(AssertionError, match="ended with code -9"), living() as life:
        yield life


def test_f06_a_stuck_worker_is_replaced_and_who_waits_is_served() -> None:
    timeout_s = full_or(30, 2)
    with running_proxy("tests.server.example:app", args=["-t", str(timeout_s)]) as proxy:
        with suppress(requests.Timeout):
            requests.get(proxy.url + "/stuck", timeout=0.2)
        stuck_at = monotonic()
        with pytest.raises(requests.Timeout):  # it is true: there is no life in it
            requests.get(proxy.operators_url, timeout=0.5)
        assert requests.get(proxy.url + "/one", timeout=60).text == "/one"
        took_s = monotonic() - stuck_at
        assert requests.get(proxy.operators_url, timeout=20).text == "operators"
    figure("F6", timeout_s=timeout_s, served_again_after_s=took_s)
    assert took_s <= timeout_s + 5
