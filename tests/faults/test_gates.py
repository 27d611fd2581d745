"""The gates: what must hold under every fault, measured over a mix of all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from typing import Any

import orjson
import pytest

from bpx.simulator.faults import Ending, Refusal, RestFault
from bpx.simulator.simulator import Simulator
from tests.faults.figures import figure
from tests.faults.judge import Verdict
from tests.faults.load import Load, Pace, follow
from tests.faults.place import MINUTE, Limited, limited
from tests.faults.scale import IS_FULL, full_or
from tests.faults.stage import percentile
from tests.faults.tcp import Fault, FaultProxy
from tests.faults.truth import OPEN_TIME, follow_up
from tests.fidelity.scene import DEPTH, scene
from tests.peers.place import QUICKEST
from tests.waiting import eventually

ORDER = "/api/v3/order"
ANYTHING = "/api/v3/"
BUSY = b'{"code":-1001,"msg":"Internal error; unable to process your request."}'
SLOW_DOWN = b'{"code":-1003,"msg":"Too many requests."}'
SECOND = {"Retry-After": "1"}
NO_LIMIT = 10**9
ROWS = 500  # of a series
SERIES = [
    f"/api/v3/klines?symbol={symbol}&interval={interval}&limit={ROWS}"
    for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT",
                   "LTCUSDT", "LINKUSDT", "TRXUSDT")[: full_or(10, 3)]
    for interval in ("1m", "5m", "1h")
]  # fmt: skip


@dataclass
class Net:
    """An exchange behind a network that breaks: REST and streams apart."""

    exchange: Simulator
    rest: FaultProxy
    streams: FaultProxy

    def mend(self) -> None:
        """End every fault, and whatever hangs by one."""
        self.exchange.faults.clear()
        for one in (self.rest, self.streams):
            if one.fault is not Fault.NONE:
                one.fault = Fault.NONE
                one.hang_up()


def rest_faults(net: Net) -> list[Callable[[], None]]:
    """Return what breaks REST, each until it is mended."""

    def broken(**how: object) -> Callable[[], None]:
        return lambda: net.exchange.faults.break_rest(RestFault(**how))  # type: ignore[arg-type]

    def cut(fault: Fault) -> Callable[[], None]:
        return lambda: setattr(net.rest, "fault", fault)

    return [
        broken(prefix=ORDER, ending=Ending.CLOSE),
        broken(prefix=ORDER, ending=Ending.CLOSE, is_delivered=False),
        cut(Fault.RESET),
        broken(prefix=ORDER, ending=Ending.HALF),
        cut(Fault.RESET_REPLY),
        broken(prefix=ANYTHING, status=503, body=BUSY, is_delivered=False),
        broken(prefix=ORDER, status=502, body=b"<html>502</html>"),
        cut(Fault.HALF_CLOSE),
        lambda: net.exchange.faults.break_rest(
            RestFault("/api/v3/klines", status=429, body=SLOW_DOWN, headers=SECOND), times=1
        ),
        broken(prefix=ANYTHING, delay_s=0.3),
        cut(Fault.BLACK_HOLE),
        cut(Fault.REFUSE),
        lambda: net.exchange.faults.break_rest(
            RestFault("/api/v3/klines", status=418, body=SLOW_DOWN, headers=SECOND), times=1
        ),
        broken(prefix=ANYTHING, ending=Ending.HALF),
    ]


def stream_faults(net: Net) -> list[Callable[[], None]]:
    """Return what breaks streams, each until it is mended."""
    exchange = net.exchange

    def refuse() -> None:
        exchange.faults.refuse_handshakes(Refusal(503))
        exchange.drop_connections()

    def cut(fault: Fault) -> Callable[[], None]:
        return lambda: setattr(net.streams, "fault", fault)

    return [
        exchange.drop_connections,
        lambda: exchange.faults.silence("*@depth*"),
        cut(Fault.RESET_REPLY),
        lambda: exchange.drop_connections(1001),
        lambda: exchange.faults.silence("*@kline*", "*icker"),
        exchange.faults.black_hole,
        refuse,
        exchange.shutdown_notice,
        cut(Fault.BLACK_HOLE),
        lambda: exchange.faults.silence("*"),
        cut(Fault.HALF_CLOSE),
    ]


@contextmanager
def netted() -> Iterator[tuple[Limited, Net]]:
    """Run an exchange, a network that can break, and a proxy."""
    with (
        Simulator("spot", accounts={"key": "secret"}) as exchange,
        FaultProxy(exchange.port) as rest,
        FaultProxy(exchange.port) as streams,
    ):
        exchange.venue.limits.weight_per_minute = 600_000  # type: ignore[attr-defined]
        exchange.venue.limits.orders_per_10s = NO_LIMIT  # type: ignore[attr-defined]
        env = PATIENCE | {
            "BPX_UPSTREAM_SPOT_REST": rest.url,
            "BPX_UPSTREAM_SPOT_WS": streams.url.replace("http", "ws"),
            "BPX_RECOVERY_BASE_DELAY": "50ms",
        }
        with limited(env, exchange=exchange) as here:
            yield here, Net(exchange, rest, streams)


ROUNDS = full_or(5, 1)  # the exchange knows its newest books best
# For a fault of REST and one of streams, and for getting over them. In full a fault lasts longer
# than any answer may be old.
SLOT_S = full_or(31, 1)
BROKEN_S = full_or(20, 0.6)
PACE = Pace(
    reads_per_s=full_or(280, 640),
    orders_per_s=full_or(24, 64),
    cancels_per_s=full_or(6, 12),
    lasts_s=full_or(94, 17),
    cached_share=0.9,
    timeout_s=30,
)
ATTEMPTS, READS = full_or(10_000, 1_000), full_or(100_000, 8_000)
# In 5 minutes there are 60 attempts to connect, so that a long load has to be gentler. How old
# an answer may be is in full what it is by default.
PATIENCE = (
    {"BPX_WS_RECONNECT_DELAY": "500ms", "BPX_WS_MAX_RECONNECT_DELAY": "5s"} if IS_FULL else QUICKEST
)
CONNECTED_WITHIN_S = full_or(310, 20)


def break_by_turns(load: Load, net: Net, first: int) -> int:
    """Break and mend until the load is over, from that fault on; return how many slots it had."""
    both = zip(cycle(rest_faults(net)), cycle(stream_faults(net)), strict=False)
    begins = 0.5
    for slot, pair in enumerate(islice(both, first, None)):
        if begins + SLOT_S > PACE.lasts_s:
            return slot
        for break_something in pair:
            break_something()
        load.wait_to(begins + BROKEN_S)
        net.mend()
        begins += SLOT_S
        load.wait_to(begins)
    raise AssertionError("faults never end")


@dataclass
class Compared:
    """Series beside REST's.

    Attributes:
        candles: closed ones that were compared.
        differing: series with such as are not REST's, or that are not whole.
    """

    candles: int = 0
    differing: list[str] = field(default_factory=list)

    def compare(self, here: Limited) -> None:
        """Ask for each series here and there."""
        for target in SERIES:
            ours = here.place.ask(target).json()
            theirs = {row[OPEN_TIME]: row for row in here.place.directly(target).json()}
            closed = ours[1:-1]  # the first may have left REST's window by the second question
            self.candles += len(closed)
            if len(ours) != ROWS or not follow_up(ours) or is_other(closed, theirs):
                self.differing.append(target)


def is_other(rows: list[Any], theirs: dict[int, Any]) -> bool:
    return any(row != theirs.get(row[OPEN_TIME]) for row in rows)


@pytest.mark.timeout(full_or(900, 300))
def test_gates_01_02_07_and_08_under_faults_no_order_is_doubled_and_no_answer_old_or_wrong():
    with netted() as (here, net):
        verdict, slots, compared = Verdict(), 0, Compared()
        follow(here, SERIES)
        # On a machine that has other things to do, a round is fewer answers.
        for number in range(3 * ROUNDS):
            if number >= ROUNDS and sum(verdict.reads.values()) >= READS:
                break
            rounds = number + 1
            with Load(here, replace(PACE, seed=number), is_followed=number > 0) as load:
                slots += break_by_turns(load, net, first=slots)
            verdict.add(load.judged())
            eventually(lambda: here.place.ask("/api/v3/ping").status_code == 200, within_s=30)
            compared.compare(here)  # as they are, wherever they are from
            eventually(lambda: here.place.subscribed() != set(), within_s=CONNECTED_WITHIN_S)
            follow(here, SERIES)
            compared.compare(here)
        answers = sum(verdict.reads.values())
        attempts = sum(verdict.trades.values())
        figure(
            "gates 1 and 2",
            faults=2 * slots,
            each_lasts_s=BROKEN_S,
            trades=attempts,
            duplicates=verdict.duplicates,
            told_wrongly=verdict.wrong,
            **{name.replace(" ", "_"): number for name, number in verdict.trades.items()},
        )
        figure(
            "gate 7",
            reads=answers,
            from_streams=verdict.reads["websocket"],
            older_than_they_may_be=verdict.stale,
            differing=verdict.differing,
            refused=sum(verdict.refused.values()),
        )
        figure(
            "gate 8",
            series=len(SERIES),
            comparisons=2 * rounds,
            candles=compared.candles,
            differing=len(compared.differing),
        )
        assert verdict.faults == []
        assert slots >= max(len(rest_faults(net)), len(stream_faults(net))), "each had its turn"
        assert attempts >= ATTEMPTS
        assert answers >= READS
        assert verdict.trades["unknown"] > 10
        assert verdict.trades["not sent"] > 0
        assert verdict.trades["ok"] > 50
        assert answers > sum(verdict.refused.values())
        assert compared.differing == []
        assert compared.candles == 2 * rounds * len(SERIES) * (ROWS - 2)


def test_gate_09_a_book_is_the_exchanges_after_every_gap():
    gaps = full_or(200, 20)
    symbols = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
    compared, differing, crossed = 0, list[object](), 0
    for market in ("spot", "futures"):
        with scene(market, MINUTE) as made:
            books = {
                f"{made.path(DEPTH)}?symbol={symbol}&limit=20": f"{symbol.lower()}@depth20@100ms"
                for symbol in symbols
            }
            for target in books:
                made.fetch("GET", target)
            made.await_streams(set(books.values()))
            made.step(2_000)
            for number in range(gaps // 2):
                made.sim.faults.silence(*books.values())
                made.sim.step(200 + number)
                made.sim.faults.clear()
                made.step(1_000)
                for target, stream in books.items():
                    sent, answer = made.last_sent(stream), made.fetch("GET", target)
                    assert sent is not None
                    compared += 1
                    if (answer.body, answer.source) != (
                        made.truth(target, sent.at_ms),
                        "websocket",
                    ):
                        differing.append((number, target, answer))
                    sides = orjson.loads(answer.body)
                    crossed += float(sides["bids"][0][0]) >= float(sides["asks"][0][0])
    figure("gate 9", gaps=gaps, compared=compared, differing=len(differing), crossed=crossed)
    assert (differing, crossed) == ([], 0)


def test_gate_05_three_times_the_limit_is_asked_and_never_more_than_the_limit_sent():
    limit, hold_s, refused_at_s = full_or(3_000, 600), full_or(20, 2), full_or(100, 10.5)
    pace = Pace(
        reads_per_s=75,  # each costs 2: in all three times the limit of the time
        orders_per_s=5,
        cancels_per_s=2,
        lasts_s=full_or(180, 12),  # the short one is in one minute but for its end
        cached_share=0,
    )
    with limited(weight_per_minute=limit) as here:
        here.to_second(full_or(30, 50))
        here.bots.ask("/api/v3/time")
        with Load(here, pace) as load:
            most = [0]

            def is_past(second: float) -> bool:
                most[0] = max(most[0], here.used())
                return load.seconds >= second

            eventually(lambda: is_past(refused_at_s), within_s=pace.lasts_s)
            fault = RestFault(
                "/api/v3/klines", status=429, body=SLOW_DOWN, headers={"Retry-After": str(hold_s)}
            )
            here.exchange.faults.break_rest(fault, times=1)
            eventually(lambda: is_past(pace.lasts_s), within_s=pace.lasts_s)
        verdict = load.judged()
        refused_ms = [row.at_ms for row in load.requests if row.status == 429]
        held = [
            row
            for row in load.requests
            if refused_ms[0] + 500 < row.at_ms < refused_ms[0] + hold_s * 1000
        ]
        figure(
            "gate 5",
            asked=sum(verdict.reads.values()) + sum(verdict.refused.values()),
            limit=limit,
            most_in_a_minute=most[0],
            refusals=len(refused_ms) - 1,
            during_the_hold=len(held),
            orders_p99_s=percentile(verdict.trades_s, 0.99),
        )
        assert verdict.faults == []
        assert most[0] <= limit
        assert len(refused_ms) == 1, "but for the one that was made up"
        assert held == []
        assert set(verdict.refused) == {429}
        assert set(verdict.trades) <= {"ok", "refused by the exchange", "not sent"}
