"""Messages that are wrong, refused, too many, on the wrong path, or sent twice: B10-B12, B15, B16.

Every answer is judged: with what the exchange itself says as of that instant.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from time import monotonic, monotonic_ns

import pytest

from bpx.simulator.faults import Misanswer, Refusal
from tests.faults.figures import figure
from tests.faults.inside import Inside, inside
from tests.faults.scale import full_or
from tests.faults.stage import percentile
from tests.fidelity.judge import BEST
from tests.fidelity.questions import Questions
from tests.fidelity.scene import ABOVE_ALL, DEPTH, KLINES, TICKER, Scene, elapsed_ms, scene
from tests.fidelity.stops import NEW_YEAR_MS
from tests.fidelity.walk import Stop, Walk
from tests.waiting import eventually

MARKETS = pytest.mark.parametrize("market", ["spot", "futures"])
Slow = dict[str, Future[list[dict[str, object]]]]
QUERIES = {
    KLINES: "symbol={}&interval=1m&limit=5",
    DEPTH: "symbol={}&limit=20",
    TICKER: "symbol={}",
}
STREAMS = {KLINES: "{}@kline_1m", DEPTH: "{}@depth20@100ms", TICKER: "{}@ticker"}

# B10: what cannot be understood.


def without_a_key(good: bytes) -> bytes:
    frame = json.loads(good)
    del frame["k" if "k" in frame else next(name for name in ("bids", "b", "c") if name in frame)]
    return json.dumps(frame).encode()


def with_price(text: str) -> Callable[[bytes], bytes]:
    """Return what puts `text` in the place of the first price of a message."""

    def broken(good: bytes) -> bytes:
        for name in (b'"c":', b'"bids":[[', b'"b":[[', b'"b":'):
            start = good.find(name)
            if start >= 0:
                start += len(name)
                end = min(good.find(mark, start) for mark in (b",", b"}") if mark in good[start:])
                return good[:start] + text.encode() + good[end:]
        raise AssertionError(f"no price in {good!r}")

    return broken


def with_a_huge_number(good: bytes) -> bytes:
    frame = json.loads(good)
    if "k" in frame:
        frame["k"]["t"] = 10**40
    else:
        frame[next(name for name in ("lastUpdateId", "C", "u") if name in frame)] = 10**40
    return json.dumps(frame).encode()


BAD: dict[str, Callable[[bytes], bytes]] = {
    "broken JSON": lambda good: good[: len(good) // 2],
    "a missing key": without_a_key,
    "a null price": with_price("null"),
    "a huge integer": with_a_huge_number,
    "NaN": with_price('"NaN"'),
    "an unknown event": lambda good: b'{"e":"surprise","E":1,"s":"BTCUSDT"}',
    "an array": lambda good: b"[1,2]",
    "binary": lambda good: b"\xff\x00\x81",
}


@pytest.fixture(scope="module", params=["spot", "futures"])
def still(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """An exchange that stands still between steps, with two symbols of each kind followed."""
    with scene(request.param, NEW_YEAR_MS - 30_000) as made:
        wanted = {name.format(symbol) for name in STREAMS.values() for symbol in ("btcusdt",)}
        for symbol in ("BTCUSDT", "ETHUSDT"):
            for endpoint in QUERIES:
                made.fetch("GET", target(made, endpoint, symbol))
        made.await_streams(wanted | {name.replace("btc", "eth") for name in wanted})
        made.step(4_000)
        yield made


def target(made: Scene, endpoint: str, symbol: str) -> str:
    return f"{made.path(endpoint)}?{QUERIES[endpoint].format(symbol)}"


@pytest.mark.parametrize("endpoint", QUERIES)
def test_b10_a_bad_message_makes_its_stream_be_read_anew_and_no_other(
    still: Scene, endpoint: str
) -> None:
    stream, asked = STREAMS[endpoint].format("btcusdt"), target(still, endpoint, "BTCUSDT")
    longest_ms = 0.0
    for kind, broken in BAD.items():
        still.step(2_100)
        sent = still.last_sent(stream)
        assert sent is not None
        assert still.fetch("GET", asked).source == "websocket", kind
        bad, began = still.metric("bpx_bad_messages_total"), monotonic()
        still.sim.faults.alter(stream, lambda good, broken=broken: [broken(good)])
        still.sim.send(stream, sent.payload)
        still.sim.faults.clear()
        eventually(lambda n=bad: still.metric("bpx_bad_messages_total") == n + 1)
        assert still.fetch("GET", asked).body == still.truth(asked), kind
        for other in QUERIES:
            assert still.fetch("GET", target(still, other, "ETHUSDT")).source == "websocket", kind
        eventually(lambda: still.fetch("GET", asked).source == "websocket")
        longest_ms = max(longest_ms, elapsed_ms(began))
        assert still.fetch("GET", asked).body == still.truth(asked), kind
    figure("B10", market=still.market, endpoint=endpoint, kinds=len(BAD), resynced_ms=longest_ms)


def test_b10_a_bad_book_ticker_does_not_leave_an_old_price_behind() -> None:
    with scene("spot", NEW_YEAR_MS - 30_000) as made:
        asked = target(made, TICKER, "BTCUSDT")
        made.fetch("GET", asked)
        made.await_streams({"btcusdt@ticker", "btcusdt@bookTicker"})
        for kind, broken in BAD.items():
            made.step(2_100)
            bad = made.metric("bpx_bad_messages_total")
            made.sim.faults.alter("btcusdt@bookTicker", lambda good, broken=broken: [broken(good)])
            while made.metric("bpx_bad_messages_total") == bad:
                made.step(100)
            made.sim.faults.clear()
            told = made.last_sent("btcusdt@ticker")
            assert told is not None
            right = [best_of(made.truth(asked, at_ms)) for at_ms in (None, told.at_ms)]
            assert best_of(made.fetch("GET", asked).body) in right, kind


def best_of(ticker: bytes) -> list[str]:
    return [json.loads(ticker)[name] for name in BEST]


class PatientWalk(Walk):
    """Asks nothing while the proxy has a question of its own under way."""

    def _step_to(self, at_ms: int) -> None:
        super()._step_to(at_ms)
        made = self._scene
        eventually(
            lambda: made.metric("bpx_upstream_calls_total") >= len(made.sim.requests), within_s=5
        )


@MARKETS
def test_b10_one_bad_message_in_a_hundred_makes_no_answer_wrong(market: str) -> None:
    count, random = 0, Random(10)

    def one_in_a_hundred(good: bytes) -> Sequence[bytes]:
        nonlocal count
        if str(ABOVE_ALL)[:8].encode() in good:
            return [good]  # it tells that all before it have been taken in
        count += 1
        return [BAD[random.choice(list(BAD))](good)] if count % 100 == 0 else [good]

    def stops(made: Scene) -> Iterator[Stop]:
        at_ms = made.sim.now_ms
        yield Stop(at_ms, {}, newcomers=("BTCUSDT", "ETHUSDT"))
        at_ms += 3_000
        yield Stop(at_ms, {})
        made.sim.faults.alter("*", one_in_a_hundred)
        for _ in range(full_or(600, 60)):
            at_ms += 500
            yield Stop(at_ms, {KLINES: 1, DEPTH: 2, TICKER: 2})

    with scene(market, NEW_YEAR_MS - 30_000) as made:
        before = made.metric("bpx_stream_messages_total")
        walk = PatientWalk(made, Questions(market, seed=10, symbols=()))
        walk.go(stops(made))
        found = [fault for verdict in walk.verdicts for fault in verdict.faults]
        heard = made.metric("bpx_stream_messages_total") - before
        bad = made.metric("bpx_bad_messages_total")
        figure("B10", market=market, messages=heard, bad=bad, answers=len(walk.verdicts),
               wrong=len(found))  # fmt: skip
        assert not found, "\n".join([f"{len(found)} faults", *found[:5]])
        assert bad == count // 100 >= full_or(50, 5)


# B11: the exchange does not subscribe as it should.

MISANSWERS = {
    "refused": Misanswer(lambda id_: [b'{"code":2,"msg":"Invalid request","id":%d}' % id_]),
    "refused without an id": Misanswer(lambda id_: [b'{"code":2,"msg":"Invalid request"}']),
    "never acknowledged": Misanswer(lambda id_: []),
    "acknowledged by another id": Misanswer(
        lambda id_: [b'{"result":null,"id":%d}' % (id_ + 1000)]
    ),
}


@pytest.fixture(scope="module", autouse=True)
def slow(request: pytest.FixtureRequest) -> Iterator[Slow]:
    """What waits most of its time, begun while the other tests run; what nobody wants is not."""
    names = {getattr(item, "originalname", "")[:8] for item in request.session.items}
    begun = {"B11": ask_while_not_subscribed, "B15": ask_on_silent_path}
    with ThreadPoolExecutor() as pool:
        yield {row: pool.submit(it) for row, it in begun.items() if f"test_{row.lower()}" in names}


def test_b11_a_stream_that_is_not_subscribed_is_asked_for_seldom_and_served_by_rest(
    slow: Slow,
) -> None:
    for measured in slow["B11"].result():
        figure("B11", **measured)


def ask_while_not_subscribed() -> list[dict[str, object]]:
    long_s = full_or(62, 11)
    with ExitStack() as stack:
        places = {kind: stack.enter_context(inside("futures")) for kind in MISANSWERS}
        for kind, here in places.items():
            here.exchange.faults.answer_control(MISANSWERS[kind])
        began, answers = monotonic(), 0
        while monotonic() - began < long_s:
            for kind, here in places.items():
                with_rest(here, kind)
                answers += 1
            threading.Event().wait(0.25)
        measured: list[dict[str, object]] = []
        for kind, here in places.items():
            tries = len(here.subscribes("btcusdt@depth20@100ms"))
            measured.append({"kind": kind, "tries": tries, "seconds": long_s, "answers": answers})
            assert 1 <= tries <= 1 + min(3, long_s // 10), kind
    return measured


def with_rest(here: Inside, kind: str) -> None:
    """Ask for a book, which is to be REST's of now or of a moment ago."""
    before_ms = here.exchange.now_ms
    answer = here.ask("depth?symbol=BTCUSDT&limit=5")
    assert (answer.status, answer.source in ("upstream", "cache")) == (200, True), kind
    assert answer.content["E"] >= before_ms - 1_500, kind  # kept for 1 s; a book may rest before


def test_b11_a_late_acknowledgement_is_as_good_as_a_prompt_one() -> None:
    late = Misanswer(lambda id_: [b'{"result":null,"id":%d}' % id_], is_obeyed=True, delay_s=1.5)
    with inside("spot") as here:
        here.exchange.faults.answer_control(late)
        here.follow("depth?symbol=BTCUSDT&limit=5", "ticker/24hr?symbol=BTCUSDT")
        assert here.subscribes("btcusdt@depth20@100ms") == ["SUBSCRIBE"]


# B12: more messages than a slow reader would take.

BOOKS = 20


def test_b12_a_flood_of_messages_is_taken_in_as_it_comes() -> None:
    long_s, gets_per_s, per_s = full_or(60, 5), full_or(200, 40), full_or(2_000, 400)
    with scene("spot", NEW_YEAR_MS) as made:
        symbols = [name for name in made.sim.venue.symbols if name != "BCCUSDT"][:BOOKS]  # type: ignore[attr-defined]
        targets = [f"{made.path(DEPTH)}?symbol={name}&limit=5" for name in symbols]
        for asked in targets:
            made.fetch("GET", asked)
        streams = [f"{name.lower()}@depth20@100ms" for name in symbols]
        made.await_streams(set(streams))
        flood = Flood(made, streams, per_s)
        memory_mb = resident_mb(made)
        lags_ms, sources = flood.read(targets, gets_per_s, long_s)
        grown_mb = resident_mb(made) - memory_mb
        overflows = made.metric("bpx_queue_overflows_total")
    p99_ms = percentile(lags_ms, 0.99)
    figure("B12", messages=flood.sent, seconds=long_s, answers=len(lags_ms), lag_p99_ms=p99_ms,
           grown_mb=grown_mb, overflows=overflows)  # fmt: skip
    assert flood.sent >= 0.95 * per_s * long_s
    assert len(lags_ms) >= 0.95 * gets_per_s * long_s
    assert p99_ms <= 500
    assert grown_mb <= 30
    assert sources == {"websocket"}


class Flood:
    """So many messages in a second, each of which tells when it was sent."""

    def __init__(self, made: Scene, streams: Sequence[str], per_s: int) -> None:
        self.sent = 0
        self._per_s = per_s
        self._made, self._streams = made, streams
        self._levels = json.dumps([[f"{1 + n}.00000000", "2.50000000"] for n in range(20)])

    def read(
        self, targets: Sequence[str], gets_per_s: int, long_s: float
    ) -> tuple[list[float], set[str]]:
        """Send and ask; return how old the newest message was in each answer, and their sources."""
        ended = threading.Event()
        sender = threading.Thread(target=self._send, args=(ended,))
        lags_ms: list[float] = []
        sources: set[str] = set()
        sender.start()
        try:
            began = monotonic()
            eventually(lambda: self.sent > 2 * len(self._streams))
            self._made.settle()
            while monotonic() - began < long_s:
                answer = self._made.fetch("GET", targets[len(lags_ms) % len(targets)])
                told_ns = json.loads(answer.body)["lastUpdateId"]
                lags_ms.append((monotonic_ns() - told_ns) / 1e6)
                sources.add(answer.source)
                pause_s = began + len(lags_ms) / gets_per_s - monotonic()
                ended.wait(max(0.0, pause_s))
        finally:
            ended.set()
            sender.join()
        return lags_ms, sources

    def _send(self, ended: threading.Event) -> None:
        began = monotonic()
        while not ended.is_set():
            now = monotonic_ns()
            book = f'{{"lastUpdateId":{now},"bids":{self._levels},"asks":{self._levels}}}'.encode()
            self._made.sim.send_all([(stream, book) for stream in self._streams])
            self.sent += len(self._streams)
            ended.wait(max(0.0, began + self.sent / self._per_s - monotonic()))


def resident_mb(made: Scene) -> float:
    return made.metric("process_resident_memory_bytes") / 2**20


# B15: the paths of futures' streams.


def test_b15_every_futures_stream_is_on_the_path_that_carries_it() -> None:
    with inside("futures") as here:
        here.follow(
            "klines?symbol=BTCUSDT&interval=1m",
            "depth?symbol=BTCUSDT&limit=20",
            "ticker/24hr?symbol=BTCUSDT",
        )
        carried = {
            "market": {"btcusdt@kline_1m", "btcusdt@ticker"},
            "public": {"btcusdt@depth20@100ms"},
        }
        eventually(
            lambda: {row.route: set(row.streams) for row in here.exchange.connections} == carried
        )


def test_b15_a_path_that_acknowledges_and_stays_silent_is_found_out_and_rest_serves(
    slow: Slow,
) -> None:
    for measured in slow["B15"].result():
        figure("B15", **measured)


def ask_on_silent_path() -> list[dict[str, object]]:
    asked = "depth?symbol=BTCUSDT&limit=20"
    with inside("futures") as here:
        here.exchange.faults.silence("*")
        began, oldest_ms = monotonic(), 0
        while len(here.subscribes("btcusdt@depth20@100ms")) < 2:
            assert monotonic() - began <= full_or(10, 20), "it was not found out"
            asked_ms = here.exchange.now_ms
            answer = here.ask(asked)
            assert answer.status == 200
            oldest_ms = max(oldest_ms, asked_ms - answer.content["E"])
            threading.Event().wait(0.05)
        found_out_s = monotonic() - began
    assert oldest_ms <= 5_000  # however silent: a book is never older
    return [{"found_out_s": found_out_s, "oldest_ms": oldest_ms}]


def test_b15_a_path_that_is_gone_is_served_by_rest() -> None:
    with inside("futures") as here:
        here.exchange.faults.refuse_handshakes(Refusal(404))
        for endpoint in ("klines?symbol=BTCUSDT&interval=1m", "depth?symbol=BTCUSDT&limit=20"):
            answer = here.ask(endpoint)
            assert (answer.status, answer.source) == (200, "upstream")


# B16: messages that come twice, again, or in another order.


@MARKETS
def test_b16_every_message_twice_and_a_hundred_old_ones_change_no_answer(market: str) -> None:
    heard: dict[str, list[bytes]] = {}  # by stream
    is_replaying = False

    def repeated(good: bytes) -> Sequence[bytes]:
        if str(ABOVE_ALL)[:8].encode() in good:
            return [good]  # it tells that all before it have been taken in
        old = heard.setdefault(_kind(good), [])
        old.append(good)
        return [*old[-100:], good, *old[-100:-1], good] if is_replaying else [good, good]

    def stops(made: Scene) -> Iterator[Stop]:
        nonlocal is_replaying
        at_ms = made.sim.now_ms
        yield Stop(at_ms, {}, newcomers=("BTCUSDT", "ETHUSDT"))
        at_ms += 2_500
        made.sim.faults.alter("btcusdt@*", repeated)
        for number in range(full_or(120, 24)):
            is_replaying = number % 6 == 5
            at_ms += 1_300
            yield Stop(at_ms, {KLINES: 3, DEPTH: 3, TICKER: 3})

    with scene(market, NEW_YEAR_MS - 15_000) as made:
        walk = Walk(made, Questions(market, seed=16, symbols=()))
        walk.go(stops(made))
        messages = made.metric("bpx_stream_messages_total")
        assert made.metric("bpx_queue_overflows_total") == 0
    found = [fault for verdict in walk.verdicts for fault in verdict.faults]
    figure("B16", market=market, messages=messages, answers=len(walk.verdicts), wrong=len(found))
    assert not found, "\n".join([f"{len(found)} faults", *found[:5]])


def _kind(payload: bytes) -> str:
    """Return what tells the stream of a message."""
    frame = json.loads(payload)
    interval = frame["k"]["i"] if "k" in frame else ""
    return f"{sorted(frame)} {interval}"
