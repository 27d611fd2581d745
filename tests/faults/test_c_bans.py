"""C1 to C3, C8, C10 and C15: what Binance refuses, and what follows from it."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from bpx.simulator.faults import RestFault
from tests.faults.figures import figure
from tests.faults.place import MINUTE, Limited, limited
from tests.faults.scale import full_or
from tests.faults.stage import Timed
from tests.waiting import eventually

STREAMED = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
MISS = "/api/v3/klines?symbol=ETHUSDT&interval=1m&startTime=1&limit="
ORDER = "/api/v3/order?symbol=BTCUSDT&signature=ab&newClientOrderId="
LATE_S = full_or(1, 10)  # in the short form other tests run, too
AT_ONCE_S = full_or(5, 100) / 100
SLOW_DOWN = b'{"code":-1003,"msg":"Too many requests; slow down."}'


def refused_after(here: Limited, status: int, seconds: int, bots: int = 8) -> int:
    """Let the exchange refuse while many ask; return its time of the refusal, in milliseconds."""
    here.place.followed(STREAMED, "btcusdt@kline_1m")
    here.exchange.requests.clear()
    headers = {"Retry-After": str(seconds)}
    fault = RestFault(MISS, status=status, body=SLOW_DOWN, headers=headers)
    here.exchange.faults.break_rest(fault, times=1)
    numbers = count(2)
    with ThreadPoolExecutor(bots) as pool:
        answers = list(
            pool.map(lambda _: here.bots.ask(f"{MISS}{next(numbers)}"), range(full_or(1400, 100)))
        )
    rows = list(here.exchange.requests)
    (refused,) = (at for at, row in enumerate(rows) if row.status == status)
    after = len(rows) - refused - 1
    figure(f"C1/C2 {status}", asked=len(answers), after_the_refusal=after)
    assert after <= bots, "only what was on its way"
    late = answers[len(answers) // 2 :]
    assert {(one.status, one.reply.content) for one in late} == {(status, SLOW_DOWN)}
    told = [one.reply.headers["Retry-After"] for one in answers if one.status == status]
    assert max(told, key=int) == str(seconds)
    here.exchange.requests.clear()
    return rows[refused].at_ms


def probed_after_s(here: Limited, refused_at_ms: int) -> float:
    """Return how long after a refusal the next request came to the exchange: a cheap probe."""
    probe = here.exchange.requests[0]
    assert probe.target == "/api/v3/ping"
    return (probe.at_ms - refused_at_ms) / 1000


def test_c01_after_a_429_nothing_goes_for_as_long_as_it_says():
    seconds = full_or(7, 5)  # all that are asked then have to be asked before it is over
    with limited() as here:
        refused_at_ms = refused_after(here, 429, seconds)
        numbers, left = count(500), []

        def is_over() -> bool:
            asked = len(here.exchange.requests)
            kept = here.place.ask(STREAMED)
            assert (kept.status_code, kept.headers["Data-Source"]) == (200, "websocket")
            one = here.bots.ask(f"{MISS}{next(numbers)}")
            if one.status == 429:
                assert one.code == -1003
                assert asked == len(here.exchange.requests) == 0
                left.append(int(one.reply.headers["Retry-After"]))
                left_ms = refused_at_ms + seconds * 1000 - here.exchange.now_ms
                assert left[-1] >= left_ms / 1000, "nobody is told to come too soon"
            return one.status == 200

        eventually(is_over, within_s=seconds + 20)
        assert left == sorted(left, reverse=True)
        assert left[0] <= seconds
        assert len(set(left)) > 1, "it counts down"
        assert len(here.exchange.requests) == 2, "one probe"
        held_s = probed_after_s(here, refused_at_ms)
        figure("C1", retry_after_s=seconds, held_s=held_s)
        assert seconds <= held_s <= seconds + LATE_S


def test_c02_during_a_ban_not_even_orders_go_and_one_probe_ends_it():
    seconds = full_or(120, 12)
    with limited() as here:
        refused_at_ms = refused_after(here, 418, seconds)
        orders: list[Timed] = []

        def is_over() -> bool:
            kept = here.place.ask(STREAMED)
            assert (kept.status_code, kept.headers["Data-Source"]) == (200, "websocket")
            one = here.bots.ask(f"{ORDER}{len(orders)}", "POST")
            orders.append(one)
            return one.reply.headers["Data-Source"] == "upstream"

        eventually(is_over, within_s=seconds + 20)
        assert {one.status for one in orders[:-1]} == {418}
        assert sorted(one.took_s for one in orders)[int(len(orders) * 0.99)] <= AT_ONCE_S
        targets = [row.target for row in here.exchange.requests]
        assert targets == ["/api/v3/ping", f"{ORDER}{len(orders) - 1}"]
        held_s = probed_after_s(here, refused_at_ms)
        figure("C2", retry_after_s=seconds, held_s=held_s)
        assert seconds <= held_s <= seconds + LATE_S


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {}, SLOW_DOWN, (30, 41)),  # to the next minute: it began in second 20
        (418, {}, b"<html>banned</html>", (119, 120)),
        (418, {}, b'{"code":-1003,"msg":"IP banned until %d."}' % (MINUTE + 500_000), (455, 481)),
        (418, {"Retry-After": "99999999"}, SLOW_DOWN, (3 * 86400 - 2, 3 * 86400)),
        (429, {"Retry-After": "0"}, SLOW_DOWN, (1, 1)),
    ],
)
def test_c03_what_says_nothing_holds_to_the_next_minute_or_for_two(
    status: int, headers: dict[str, str], body: bytes, seconds: tuple[int, int]
):
    with limited(start_ms=MINUTE + 20_000) as here:
        here.exchange.faults.break_rest(RestFault(status=status, body=body, headers=headers))
        assert here.bots.ask(f"{MISS}2").status == status
        one = here.bots.ask(f"{MISS}3")
        assert one.status == status
        low, high = seconds
        assert low <= int(one.reply.headers["Retry-After"]) <= high


@pytest.mark.parametrize("window_ms", [5000, 1000, 60000])
def test_c08_a_signed_read_is_answered_or_refused_within_a_quarter_of_its_window(
    window_ms: int, spent: Limited
):
    target = f"/api/v3/account?recvWindow={window_ms}&timestamp=1&signature=ab&n="
    answers = [spent.bots.ask(f"{target}{number}") for number in range(10)]
    assert {(one.status, one.code) for one in answers} == {(429, -1003)}
    figure("C8", window_ms=window_ms, refused_s=max(one.took_s for one in answers))
    assert max(one.took_s for one in answers) <= min(1.0, window_ms / 4000) + AT_ONCE_S
    assert spent.place.asked_for("/api/v3/account") == []


@pytest.fixture(scope="module")
def two_thousand():
    with limited(weight_per_minute=2_000) as here:
        yield here


@pytest.fixture
def spent(two_thousand: Limited) -> Limited:
    """Return a market whose minute has just begun and is spent by somebody else at our address."""
    here = two_thousand
    here.to_second(5)
    for _ in range(22):
        here.place.directly("/api/v3/ticker/24hr")
    told = here.bots.ask(f"{ORDER}tells", "DELETE")  # its reply says how much is spent
    assert told.reply.headers["Data-Source"] == "upstream"
    return here


def test_c10_one_accounts_order_limit_is_nobody_elses():
    body = b'{"code":-1015,"msg":"Too many new orders; current limit is 50 orders per 10 SECOND."}'
    headers = {"X-MBX-ORDER-COUNT-10S": "51", "Retry-After": "7"}
    with limited() as here:
        here.exchange.faults.break_rest(
            RestFault(f"{ORDER}a", status=429, body=body, headers=headers)
        )
        for number in range(20):
            first = here.bots.ask(f"{ORDER}a{number}", "POST", headers={"X-MBX-APIKEY": "a"})
            assert (first.status, first.reply.content) == (429, body)
            assert first.reply.headers["X-MBX-ORDER-COUNT-10S"] == "51"
            assert first.reply.headers["Data-Source"] == "upstream"
            other = here.bots.ask(f"{ORDER}b{number}", "POST", headers={"X-MBX-APIKEY": "b"})
            assert other.reply.headers["Data-Source"] == "upstream"
        assert here.bots.ask(f"{MISS}2").status == 200
        assert len(here.exchange.requests) == 41


def test_c15_an_overloaded_exchange_is_passed_on_and_orders_are_not_slowed():
    body = b'{"code":-1008,"msg":"Server is currently overloaded with other requests."}'
    with limited({"BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true"}, market="futures") as here:
        orders = full_or(500, 100)
        fault = RestFault("/fapi/v1/order?overloaded", status=503, body=body)
        here.exchange.faults.break_rest(fault)

        def trade(number: int) -> Timed:
            word = "overloaded" if number % 5 == 0 else "well"
            return here.bots.ask(f"/fapi/v1/order?{word}&n={number}", "POST")

        answers = here.bots.ask_all(range(orders), 4, trade)
        overloaded = [one for number, one in enumerate(answers) if number % 5 == 0]
        assert {(one.status, one.reply.content) for one in overloaded} == {(503, body)}
        assert {one.reply.headers["Data-Source"] for one in answers} == {"upstream"}
        assert len(here.exchange.requests) == orders
        assert max(one.took_s for one in answers) <= full_or(1, 5)
