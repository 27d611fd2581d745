"""A1 to A4, A10, A12: orders are delivered once at most, whatever happens to them."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random
from select import select
from threading import Event
from typing import Any

import pytest

from tests.faults.exchange import RawExchange, reply
from tests.faults.figures import figure
from tests.faults.scale import full_or
from tests.faults.stage import NOT_SENT, UNKNOWN, Stage, Timed, staged
from tests.faults.tcp import Fault, FaultProxy
from tests.proxy import free_port
from tests.upstream.wire_server import Answer, Delivered, Then, WireServer

TRADING = [
    ("spot", "POST", "/api/v3/order"),
    ("spot", "DELETE", "/api/v3/order"),
    ("spot", "PUT", "/api/v3/order/amend/keepPriority"),
    ("spot", "DELETE", "/api/v3/openOrders"),
    ("spot", "POST", "/api/v3/order/cancelReplace"),
    ("spot", "POST", "/api/v3/orderList/oco"),
    ("futures", "POST", "/fapi/v1/batchOrders"),
]
NO_ANSWER = {
    "closed": Answer(then=Then.CLOSE),
    "reset": Answer(then=Then.RESET),
    "half": Answer(reply(b'{"orderId":1}')[:-4], Then.CLOSE),
}


def order(number: int) -> str:
    return f"/api/v3/order?symbol=BTCUSDT&newClientOrderId=o{number}&signature=ab"


@pytest.mark.parametrize(("market", "method", "path"), TRADING)
def test_a01_what_was_sent_is_never_sent_again(stage: Stage, market: str, method: str, path: str):
    bots, numbers = getattr(stage, market), range(full_or(1000, 100))
    faults = list(NO_ANSWER.values())
    stage.exchange.talk = lambda hit: faults[hash(hit.target) % 3]
    targets = [f"{path}?newClientOrderId=o{number}&signature=ab" for number in numbers]
    answers = bots.ask_all(targets, 8, lambda target: bots.ask(target, method))
    assert {(one.status, one.code) for one in answers} == {(504, -1007)}
    assert all(one.reply.json() == UNKNOWN for one in answers)
    assert not any("Retry-After" in one.reply.headers for one in answers)
    duplicates = len(stage.exchange.hits) - len(stage.exchange.count())
    figure("A1", path=path, orders=len(targets), duplicates=duplicates)
    assert stage.exchange.count() == {target.encode(): 1 for target in targets}


@contextmanager
def unanswered_connects() -> Iterator[int]:
    """Yield a port where connecting takes for ever: its queue is full."""
    with socket.socket() as listener, socket.socket() as probe:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in (*fillers, probe):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


def sent_nowhere(answers: list[Timed]) -> None:
    assert {one.status for one in answers} == {503}
    assert all(one.reply.json() == NOT_SENT for one in answers)
    assert all(1 <= int(one.reply.headers["Retry-After"]) <= 5 for one in answers)
    assert {one.reply.headers["X-Proxy-Error"] for one in answers} == {"not-sent"}


def test_a02_what_cannot_be_sent_is_said_to_be_not_sent():
    with (
        unanswered_connects() as hanging,
        RawExchange() as exchange,
        FaultProxy(int(exchange.url.rpartition(":")[2]), Fault.REFUSE) as aborting,
        staged(
            {
                "BPX_UPSTREAM_SPOT_REST": f"http://127.0.0.1:{free_port()}",
                "BPX_UPSTREAM_FUTURES_REST": f"http://127.0.0.1:{hanging}",
            },
            urls="http://127.0.0.1:1",
        ) as refused,
        staged(urls=f"https://127.0.0.1:{aborting.port}") as torn,
    ):
        orders = [order(number) for number in range(full_or(200, 20))]
        with ThreadPoolExecutor(10) as pool:  # more would wait for a connection, not for a host
            waiting = [pool.submit(refused.futures.ask, target, "POST") for target in orders]
            quick = [refused.spot.ask(target, "POST") for target in orders]
            connects = aborting.accepted
            cut = [torn.spot.ask(target, "POST") for target in orders]
            connects = aborting.accepted - connects
            slow = [one.result() for one in waiting]
        for answers in (quick, slow, cut):
            sent_nowhere(answers)
        figure("A2", refused_s=max(one.took_s for one in quick + cut))
        figure("A2", dropped_s=max(one.took_s for one in slow))
        assert max(one.took_s for one in quick + cut) <= 0.5
        assert min(one.took_s for one in slow) >= 3.0
        assert max(one.took_s for one in slow) <= 3.5
        assert len(orders) <= connects <= 2 * len(orders) + 20, "at most one reconnect"
        assert exchange.hits == []


ANSWERS = [
    (500, b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'),
    (502, b"<html><body>502 Bad Gateway</body></html>"),
    (503, b'{"code":-1001,"msg":"Internal error."}'),
    (503, b'{"code":-1008,"msg":"Server is currently overloaded with other requests."}'),
    (503, b"<html>Service Unavailable</html>"),
    (504, b'{"code":-1006,"msg":"An unexpected response was received from the message bus."}'),
    (504, b'{"code":-1007,"msg":"Timeout waiting for response from backend server."}'),
    (500, b"<html></html>"),
]


def test_a03_what_binance_says_of_an_order_is_passed_on_and_breaks_nothing(guarded: Stage):
    def talk(hit: object) -> bytes:
        number = int(hit.target.split(b"newClientOrderId=o")[1].split(b"&")[0])  # type: ignore[attr-defined]
        status, body = ANSWERS[number % len(ANSWERS)]
        return reply(body, status)

    guarded.exchange.talk = talk
    targets = [order(number) for number in range(full_or(500, 56))]
    answers = guarded.spot.ask_all(targets, 4, lambda target: guarded.spot.ask(target, "POST"))
    for number, one in enumerate(answers):
        assert (one.status, one.reply.content) == ANSWERS[number % len(ANSWERS)]
        assert one.reply.headers["Data-Source"] == "upstream"
    assert set(guarded.exchange.count().values()) == {1}
    assert len(guarded.exchange.hits) == len(targets)


def late(after_s: float, answer: bytes) -> Answer:
    """Answer after some time."""
    return Answer(answer, after=_Later(after_s))


class _Later(Event):
    """An event that nobody sets: it is over after its own time."""

    def __init__(self, after_s: float) -> None:
        super().__init__()
        self._after_s = after_s

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(self._after_s)


Late = dict[str, tuple[int, Any, float]]  # status, what it says, seconds


def late_answers() -> Late:
    """Send orders that are answered late or not at all, all at once."""
    timeout = b'{"code":-1007,"msg":"Timeout waiting for response from backend server."}'
    script = {
        b"o9": late(9.5, reply(b'{"orderId":9}')),
        b"o10": late(10.1, reply(timeout, 408)),
        b"o60": late(15.0, reply(b'{"orderId":60}')),
    }
    with staged() as stage:
        stage.exchange.talk = lambda hit: script[hit.target.split(b"=")[-1]]
        names = {"o9": 9, "o10": 10, "o60": 60}
        with ThreadPoolExecutor(3) as pool:
            asked = {
                name: pool.submit(stage.spot.ask, f"/api/v3/order?newClientOrderId={name}", "POST")
                for name in names
            }
            answers = {name: one.result() for name, one in asked.items()}
        stage.exchange.talk = lambda hit: reply(b'{"next":true}')
        for number in range(20):
            following = stage.spot.ask(f"/api/v3/order?newClientOrderId=n{number}", "POST")
            assert following.reply.json() == {"next": True}
        assert set(stage.exchange.count().values()) == {1}
    return {name: (one.status, one.reply.json(), one.took_s) for name, one in answers.items()}


@pytest.fixture(scope="module", autouse=True)
def long_waits() -> Iterator[Future[Late]]:
    """Begin what takes long, so that the other tests run meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(late_answers)


def test_a10_a_redirect_is_never_followed(stage: Stage):
    with WireServer() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            location = f"Location: {elsewhere.url}/api/v3/order\r\n"
            stage.exchange.talk = lambda hit, status=status, location=location: reply(
                b"{}", status, location
            )
            for method in ("GET", "POST"):
                one = stage.spot.ask(order(1), method, headers={"X-MBX-APIKEY": "canary"})
                assert (one.status, one.reply.json()) == (502, NOT_SENT)
                assert "Location" not in one.reply.headers
    assert (elsewhere.connections, elsewhere.delivered) == (0, [])
    assert len(stage.exchange.hits) == 10


class Closing(RawExchange):
    """Closes connections for orders that have been idle for a random time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.closed: list[int] = []
        self.crossed = 0  # that closed when an order had been sent already
        self._random = Random(12)

    def _reply(self, connection: socket.socket, request: Delivered) -> bool:
        goes_on = super()._reply(connection, request)
        is_trade = request.method != b"GET"
        if goes_on and is_trade and is_quiet(connection, self._random.uniform(0, 10)):
            connection.shutdown(socket.SHUT_WR)  # from now on the proxy can see it
            self.closed.append(request.connection)
            self.crossed += has_come(connection)
            return False
        return goes_on


def is_quiet(connection: socket.socket, for_s: float) -> bool:
    # After waiting for its turn among the threads of this process it has to look again.
    return not any(select([connection], [], [], wait_s)[0] for wait_s in (for_s, 0))


def has_come(connection: socket.socket) -> bool:
    """Whether something waits to be read."""
    with suppress(OSError):
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    return False


def test_a12_connections_that_the_exchange_closes_duplicate_nothing():
    bursts, at_once, random = full_or(400, 40), 10, Random(21)
    with Closing() as exchange, staged(urls=exchange.url) as stage, ThreadPoolExecutor(10) as bots:

        def trade(number: int) -> Timed:
            return stage.spot.ask(order(number), "POST" if number % 2 else "DELETE")

        answers: list[Timed] = []
        for _ in range(bursts):
            answers += bots.map(trade, range(len(answers), len(answers) + at_once))
            Event().wait(random.uniform(0, 0.6))  # else no connection is ever idle
    statuses, closed = [one.status for one in answers], len(exchange.closed)
    figure(
        "A12",
        orders=len(statuses),
        closed_by_the_exchange=closed,
        unknown=statuses.count(504),
        duplicates=len(exchange.hits) - len(exchange.count()),
    )
    assert closed >= full_or(48, 3)
    assert set(statuses) <= {200, 504}
    # Nobody can help it if an order and the end of its connection cross.
    assert statuses.count(504) <= 0.005 * len(statuses) + exchange.crossed
    assert set(exchange.count().values()) == {1}
    assert len(exchange.hits) + statuses.count(504) >= len(answers)


def test_a04_an_order_has_thirteen_seconds_and_its_late_answer_is_nobody_elses(
    long_waits: Future[Late],
):
    answers = long_waits.result()
    assert answers["o9"][:2] == (200, {"orderId": 9})
    status, body, _ = answers["o10"]
    assert (status, body["code"]) == (408, -1007)
    status, body, took_s = answers["o60"]
    assert (status, body) == (504, UNKNOWN)
    figure("A4", gave_up_after_s=took_s)
    assert 12.5 <= took_s <= full_or(27, 36) / 2  # in the short form other tests run, too
