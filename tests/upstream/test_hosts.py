import pytest

from bpx.upstream.bounds import Bounds
from bpx.upstream.call import Kind
from bpx.upstream.hosts import Host, Hosts
from bpx.upstream.wire import Wire
from tests.runtime import ThreadRuntime

POOLS = ["public", "signed", "trade"]


def made(name: str, threshold: int | None = None) -> Host:
    return Host("spot", Wire(f"http://{name}", ThreadRuntime(), Bounds()), POOLS, threshold)


def fail(host: Host, kind: Kind, times: int, now: float = 0.0, *, connects: bool = True) -> None:
    for _ in range(times):
        ticket = host.admit(kind, now)
        assert ticket is not None
        host.end(ticket, now, True, has_connected=connects)


def succeed(host: Host, kind: Kind, now: float = 0.0) -> None:
    ticket = host.admit(kind, now)
    assert ticket is not None
    host.end(ticket, now, False)


def test_the_first_host_is_asked_while_it_works_and_again_when_it_may_work_again():
    first, second = made("a"), made("b")
    hosts = Hosts([first, second])
    fail(first, Kind.PUBLIC, 2)
    assert hosts.choose("public", 0) is first
    fail(first, Kind.PUBLIC, 1)
    assert hosts.choose("public", 0) is second
    assert hosts.choose("trade", 0) is first, "the answers to reads say nothing about orders"
    assert hosts.choose("public", 30) is first


def test_a_host_that_cannot_be_connected_to_is_left_by_all():
    first, second = made("a"), made("b")
    fail(first, Kind.PUBLIC, 3, connects=False)
    assert all(Hosts([first, second]).choose(pool, 0) is second for pool in POOLS)


def test_a_second_try_goes_elsewhere_if_that_is_any_better():
    first, second = made("a"), made("b")
    hosts = Hosts([first, second])
    assert hosts.choose("public", 0, besides=first) is second
    fail(second, Kind.PUBLIC, 3)
    assert hosts.choose("public", 0, besides=first) is first


def test_with_all_hosts_bad_everybody_asks_the_same_one_first_and_nobody_goes_to_and_fro():
    first, second = made("a"), made("b")
    hosts = Hosts([first, second])
    for host in (first, second):
        fail(host, Kind.PUBLIC, 3)
    assert [hosts.choose("public", 1) for _ in range(5)] == [first] * 5
    assert [hosts.choose("public", 1, besides=first) for _ in range(5)] == [second] * 5


def test_whether_a_host_is_back_is_tried_by_one_call_at_a_time():
    first, second = made("a"), made("b")
    hosts = Hosts([first, second], try_s=3)
    fail(first, Kind.PUBLIC, 3)
    assert [hosts.choose("public", 30) for _ in range(4)] == [first, second, second, second]
    assert hosts.choose("public", 32.9) is second
    assert hosts.choose("public", 33) is first, "the one before has not told"
    fail(first, Kind.PUBLIC, 1, now=33.1)
    assert hosts.choose("public", 93) is second, "twice as long as the first time"
    assert hosts.choose("public", 93.1) is first
    succeed(first, Kind.PUBLIC, now=93.2)
    assert [hosts.choose("public", 93.3) for _ in range(4)] == [first] * 4


def test_with_all_hosts_bad_the_one_that_may_be_back_first_is_asked():
    first, second = made("a"), made("b")
    hosts = Hosts([first, second])
    for _ in range(3):
        fail(first, Kind.PUBLIC, 3, now=0)
    fail(first, Kind.PUBLIC, 1, now=40)  # aside until 100
    fail(second, Kind.PUBLIC, 3, now=41)  # aside until 71
    assert [hosts.choose("public", 42) for _ in range(5)] == [second] * 5
    assert hosts.choose("public", 42, besides=second) is first
    succeed(second, Kind.PUBLIC, now=42)
    assert hosts.choose("public", 42, besides=first) is second


def test_a_second_try_goes_to_no_host_whose_breaker_would_refuse_it():
    first, second = made("a", threshold=100), made("b", threshold=3)
    for host in (first, second):
        fail(host, Kind.PUBLIC, 3)
    assert Hosts([first, second]).choose("public", 1, besides=first) is first


def test_a_call_that_tells_nothing_changes_nothing():
    host = made("a", threshold=1)
    for _ in range(10):
        ticket = host.admit(Kind.PUBLIC, 0)
        assert ticket is not None
        host.end(ticket, 0, None)
    assert not host.is_aside("public", 0)


def test_an_open_breaker_refuses_its_class_alone_and_no_cancel():
    host = made("a", threshold=5)
    fail(host, Kind.ORDER, 5, connects=False)
    assert host.admit(Kind.ORDER, 0) is None
    assert host.wait_s("trade", 0) == 5
    for kind in (Kind.CANCEL, Kind.PUBLIC, Kind.SIGNED):
        succeed(host, kind)


def test_a_host_with_an_open_breaker_is_left():
    first, second = made("a", threshold=2), made("b", threshold=2)
    fail(first, Kind.PUBLIC, 2)
    assert Hosts([first, second]).choose("public", 0) is second


@pytest.mark.parametrize("threshold", [None, 1000])
def test_without_a_breaker_or_below_its_threshold_nothing_is_refused(threshold: int | None):
    host = made("a", threshold)
    fail(host, Kind.PUBLIC, 100)
    assert host.wait_s("public", 0) == 0
