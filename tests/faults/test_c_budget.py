"""C4 to C7 and C12 to C14: one address stays within what Binance allows it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Lock
from time import monotonic, time

import requests

from bpx.exchange.spot import SPOT
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.place import MINUTE, Limited, limited
from tests.faults.scale import full_or
from tests.faults.stage import Bots, Timed, percentile, staged
from tests.upstream.wire_server import Delivered
from tests.waiting import eventually

ALL_TICKERS = "/api/v3/ticker/24hr"  # costs 80
TRADES = "/api/v3/trades?symbol=BTCUSDT&limit="  # costs 25
ORDER = "/api/v3/order?symbol=BTCUSDT&newClientOrderId="


def test_c04_what_others_of_our_address_spend_counts_and_nothing_lower_later():
    with limited(weight_per_minute=2_000) as here:
        for _ in range(16):  # 1,280: more than 60 %
            assert here.place.directly(ALL_TICKERS).status_code == 200
        assert here.bots.ask("/api/v3/time").status == 200, "the reply tells"
        answers = [here.bots.ask(f"{TRADES}{number}") for number in range(1, 21)]
        assert [one.status for one in answers].count(429) > 15
        assert here.used() <= 0.70 * 2_000
        assert here.refusals() == 0
    used = [1_500, 10]
    with staged() as stage:
        late = lambda hit: reply(used=used.pop(0) if used else 10)  # noqa: E731
        stage.exchange.talk = late
        for number in range(2):
            stage.spot.ask(f"{TRADES}{number}")
        eventually(lambda: shown(stage.proxy.operators_url, "spot") >= 1_500)


def shown(operators_url: str, market: str, what: str = "used") -> float:
    """Return what the metrics say of the weight."""
    text = requests.get(f"{operators_url}/metrics", timeout=20).text
    name = f'bpx_upstream_weight_{what}{{market="{market}"}} '
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


CHARGED = [
    ("/api/v3/depth?symbol=BTCUSDT&limit=100", 5),
    ("/api/v3/depth?symbol=BTCUSDT&limit=500", 25),
    ("/api/v3/depth?symbol=BTCUSDT&limit=1000", 50),
    ("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250),
    ("/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22%5D", 2),
    ("/api/v3/ticker/24hr", 80),
    ("/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=1", 2),
    ("/api/v3/avgPrice?symbol=BTCUSDT", 2),
    ("/api/v3/trades?symbol=BTCUSDT", 25),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=1&limit=99", 1),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=1&limit=499", 2),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=1&limit=1000", 5),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=1&limit=1500", 10),
    ("/fapi/v1/depth?symbol=BTCUSDT&limit=50", 2),
    ("/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20),
    ("/fapi/v1/ticker/24hr", 40),
]


def test_c05_a_call_is_charged_before_it_goes_and_an_unknown_one_dearly_until_it_is_known():
    counted = [1]
    charged: dict[str, float] = {}

    def talk(hit: Delivered) -> bytes:
        market = "spot" if hit.target.startswith(b"/api") else "futures"
        charged[hit.target.decode()] = shown(stage.proxy.operators_url, market)
        return reply(b"[]", used=0)

    with staged() as stage:
        stage.exchange.talk = talk
        for target, weight in CHARGED:
            market = "spot" if target.startswith("/api") else "futures"
            before = shown(stage.proxy.operators_url, market)
            assert getattr(stage, market).ask(target).status == 200
            grown = charged[target] - before
            assert grown in (weight, weight - before), target  # a new minute may have begun

        def count(hit: Delivered) -> bytes:
            counted[0] += 3
            charged[hit.target.decode()] = shown(stage.proxy.operators_url, "spot")
            return reply(b"[]", used=counted[0] + 10_000)

        stage.exchange.talk = count

        def grows(path: str) -> list[float]:
            stage.spot.ask("/api/v3/time")  # from here on Binance's count leads ours
            before = []
            for number in range(4):
                before.append(shown(stage.proxy.operators_url, "spot"))
                stage.spot.ask(f"{path}?n={number}")
            return [charged[f"{path}?n={n}"] - before[n] for n in range(4)]

        grown = within_a_minute(grows)
        assert grown[0] == SPOT.unknown_weight == 50
        assert grown[-1] == 3, grown


def within_a_minute(grows: Callable[[str], list[float]]) -> list[float]:
    """Return what it says of a path; of another one, if a minute has ended meanwhile."""
    for number in range(9):
        began = time() - 2  # the Date of a reply is in whole seconds
        grown = grows(f"/api/v3/unheard{number}")
        if began // 60 == time() // 60:
            return grown
    raise AssertionError("minutes end all the time")


def adopts(market: str, first: int, second: int) -> None:
    """Change the limit of an exchange, and wait until the proxy has heard of it."""
    with limited({"BPX_FRESH_EXCHANGE_INFO": "1s"}, market=market, weight_per_minute=first) as here:
        limit = partial(shown, here.proxy.operators_url, market, "limit")
        eventually(lambda: limit() == first)
        here.exchange.venue.limits.weight_per_minute = second
        eventually(lambda: limit() == second)


def test_c06_a_new_limit_is_adopted_while_running():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(adopts, ("spot", "futures"), (6_000, 2_400), (3_000, 1_200)))


def under_load(here: Limited, work: Callable[[], None]) -> list[Timed]:
    """Let bots ask for much more than is allowed while `work` is done; return their answers."""
    over, answers, lock = Event(), [], Lock()

    def bot(number: int) -> None:
        count = 0
        while not over.is_set():
            count += 1
            one = here.bots.ask(f"{TRADES}{number * 90 + count % 90 + 1}")
            with lock:
                answers.append(one)
            over.wait(0.02)

    with ThreadPoolExecutor(6) as pool:
        bots = [pool.submit(bot, number) for number in range(6)]
        try:
            work()
        finally:
            over.set()
        for one in bots:
            one.result()
    return answers


LIMIT = 2_000
# What still goes when so much of the minute is spent, and what does not.
ORDER_OF_CLASSES = [
    (0.40, {"cancel", "order", "signed read", "public read", "background"}),
    (0.52, {"cancel", "order", "signed read", "public read"}),
    (0.72, {"cancel", "order", "signed read"}),
    (0.87, {"cancel", "order"}),
    (0.96, {"cancel"}),
]


def test_c07_what_can_wait_best_is_refused_first():
    with limited({"BPX_FRESH_EXCHANGE_INFO": "300ms"}, weight_per_minute=LIMIT) as here:
        for share, classes in ORDER_OF_CLASSES:
            while here.used() < share * LIMIT:
                here.place.directly(f"{TRADES}1")
            here.bots.ask(f"{ORDER}tells", "DELETE")  # its reply says how much is spent
            assert going(here, "background" in classes) == classes, share
        assert here.refusals() == 0


def going(here: Limited, is_background_to_go: bool) -> set[str]:
    """Return the classes of calls that go to the exchange now; what is to go is waited for."""
    asked = {
        "cancel": (f"{ORDER}c", "DELETE"),
        "order": (f"{ORDER}o", "POST"),
        "signed read": ("/api/v3/openOrders?symbol=BTCUSDT&timestamp=1&signature=ab", "GET"),
        "public read": (f"{TRADES}2", "GET"),
    }
    answers = {name: here.bots.ask(*one) for name, one in asked.items()}
    goes = {n for n, one in answers.items() if one.reply.headers["Data-Source"] == "upstream"}
    assert {one.status for name, one in answers.items() if name not in goes} <= {429}
    listings = len(here.place.asked_for("/api/v3/exchangeInfo"))
    over = monotonic() + 1.0

    def is_fetched() -> bool:
        return len(here.place.asked_for("/api/v3/exchangeInfo")) > listings

    eventually(is_fetched if is_background_to_go else lambda: monotonic() > over)
    return goes | ({"background"} if is_fetched() else set())


ORDERS_PER_S = 5


def test_c07_orders_go_at_once_while_market_data_wants_three_times_the_limit():
    # What the exchange does not take costs 1: both kinds of these orders, 600 in a minute.
    orders, limit = full_or(300, 60), 3_000
    with limited(weight_per_minute=limit) as here:
        # The same orders go past the proxy, too: the bots and the exchange share our cores.
        direct, past = Bots(here.exchange.rest_url), list[Timed]()
        beside: list[Timed] = []

        def trade() -> None:
            eventually(lambda: here.used() >= 0.6 * limit)
            began = monotonic()
            for number in range(orders):
                eventually(lambda n=number: monotonic() >= began + n / ORDERS_PER_S)
                method = "DELETE" if number % 3 == 0 else "POST"
                beside.append(here.bots.ask(f"{ORDER}b{number}", method))
                past.append(direct.ask(f"{ORDER}d{number}", method))

        reads = under_load(here, trade)
        assert {one.reply.headers["Data-Source"] for one in beside} == {"upstream"}
        ours = [row for row in here.exchange.requests if "newClientOrderId=b" in row.target]
        assert len(ours) == orders
        added_s = percentile([one.took_s for one in beside], 0.99) - percentile(
            [one.took_s for one in past], 0.99
        )
        figure(
            "C7",
            orders=orders,
            delivered=len(ours),
            added_p99_s=added_s,
            used=here.used(),
            limit=limit,
        )
        assert added_s <= 0.050
        assert {one.status for one in reads} == {200, 429}
        assert here.refusals() == 0
        assert here.used() <= limit


def across_the_edge(skew_ms: int) -> None:
    """Let the exchange's minute end in the middle of a burst that takes all there is."""
    with limited(weight_per_minute=1_000, start_ms=MINUTE + 30_000 + skew_ms) as here:
        here.to_second(58.0)
        here.bots.ask("/api/v3/time")
        began_ms = here.exchange.now_ms

        def wait() -> None:
            eventually(lambda: here.exchange.now_ms - began_ms > 5_000, within_s=9)

        answers = under_load(here, wait)
        assert here.exchange.now_ms // 60_000 > began_ms // 60_000
        assert here.refusals() == 0
        assert {one.status for one in answers} == {200, 429}
        first, second = [
            sum(
                25
                for row in here.exchange.requests
                if row.target.startswith(TRADES) and row.at_ms // 60_000 == minute
            )
            for minute in (began_ms // 60_000, began_ms // 60_000 + 1)
        ]
        figure("C12", skew_ms=skew_ms, before=first, after=second, refusals=here.refusals())
        assert min(first, second) >= 0.4 * 1_000, "and what is allowed is used on both sides"


def test_c12_the_edge_of_a_minute_is_crossed_without_a_429():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(across_the_edge, (-1_500, 1_500)))


def test_c13_streams_that_break_all_at_once_do_not_spend_the_minute():
    with limited({"BPX_WS_RECONNECT_DELAY": "20ms"}, full_size=True) as here:
        symbols = here.symbols(full_or(200, 20))
        books = [f"/api/v3/depth?symbol={symbol}&limit=20" for symbol in symbols]
        for book in books:
            assert here.bots.ask(book).status == 200
        wanted = {f"{symbol.lower()}@depth20@100ms" for symbol in symbols}
        eventually(lambda: wanted <= here.place.subscribed(), within_s=10)
        here.to_second(2)
        here.exchange.requests.clear()
        used = here.used()
        connects = here.exchange.connects
        here.exchange.drop_connections()
        answers = here.bots.ask_all(books, 8)
        statuses = {one.status for one in answers}
        assert 200 in statuses <= {200, 429, 503}
        eventually(lambda: here.exchange.connects > connects)
        eventually(lambda: wanted <= here.place.subscribed(), within_s=10)
        figure("C13", books=len(books), spent=here.used() - used, limit=6_000)
        assert here.used() - used <= 0.30 * 6_000
        assert all("limit=5000" not in row.target for row in here.exchange.requests)


def test_c14_a_cold_start_of_many_bots_stays_within_the_limits():
    with limited({"BPX_RATE_SPOT_RPS": "50"}, full_size=True) as here:
        targets = [
            f"/api/v3/klines?symbol={symbol}&interval={interval}&limit=500"
            for interval in ("1m", "5m", "1h")
            for symbol in here.symbols(full_or(400, 40))
        ]
        for target in targets:
            here.place.truth(target)  # the model of a symbol takes a moment to be made
        began, told_to_wait = monotonic(), list[float]()

        def until_answered(target: str) -> float:
            while True:
                one = here.bots.ask(target)
                assert one.took_s <= 10.0
                if one.status == 200:
                    assert len(one.reply.json()) >= 1
                    return monotonic() - began
                assert one.status == 429
                told_to_wait.append(float(one.reply.headers["Retry-After"]))
                Event().wait(min(2.0, float(one.reply.headers["Retry-After"])))

        with ThreadPoolExecutor(20) as bots:
            waits = list(bots.map(until_answered, targets))
        figure(
            "C14",
            series=len(waits),
            told_to_wait=len(told_to_wait),
            p99_s=percentile(waits, 0.99),
            refusals=here.refusals(),
            used=here.used(),
        )
        assert percentile(waits, 0.99) <= 15.0
        assert here.refusals() == 0
        assert here.used() <= 6_000
