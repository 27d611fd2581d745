"""With the fast lane and without it, every byte that a client gets is the same."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from time import monotonic

import pytest
import requests

from bpx.access.keys import digest_of
from bpx.simulator.faults import Refusal
from bpx.simulator.simulator import Simulator
from tests.proxy import Proxy, running_proxy
from tests.server.lane_scripts import KNOWN_TARGETS, USUAL_HEADERS, Script, Scripts, Way, known
from tests.server.lane_talk import Talk, normal, one_answer
from tests.server.orders import told_to_stop
from tests.waiting import eventually

KEYS = [f"bpx_{name}" for name in ("bot", "other", "spare")]
STRANGER = "bpx_nobody"
PACED = [f"bpx_paced{number}" for number in range(6)]  # each is asked with once
OPTIONS = {
    # What is quiet because the clock stands still is not to be checked.
    "BPX_FRESH_QUIET_CHECK": "1h",
    "BPX_FRESH_CHECK_INTERVAL": "1h",
    "BPX_FRESH_EXCHANGE_INFO": "1h",
    "BPX_SECURITY_CORS_ORIGINS": "https://page.example",
    "BPX_FRESH_KEPT": "1ms",
    "BPX_RATE_SPOT_RPS": "10000",
    "BPX_SERVER_IDLE_TIMEOUT": "120s",
}
# An hour's candle ends three minutes later: while the exchange's clock stands still, a proxy goes
# on to count, and asks for the next candle when its turn has come.
START_MS = 1_780_000_200_000 // 3_600_000 * 3_600_000 - 180_000
GRID_MS = 1000  # on which everything is sent: books each 100 ms, tickers each second
WEIGHT = 10_000_000  # a minute, so that no request is refused for want of it
BURST = 20
PATIENCE_S = 3.0  # until what was sent has been heard by both, as a rule
SEED = 20261125


@dataclass
class Pair:
    """Two proxies in front of one exchange: one has the lane, the other has not."""

    sim: Simulator
    fast: Proxy
    plain: Proxy
    keys_file: Path

    def talks(self) -> list[Talk]:
        """Return who talks to each."""
        return [Talk(proxy.address, lambda proxy=proxy: nudge(proxy)) for proxy in self.proxies]

    @property
    def proxies(self) -> list[Proxy]:
        """Both."""
        return [self.fast, self.plain]

    def repeated(self) -> float:
        """Return how many answers the lane has given; the other has none."""
        assert _counted(self.plain) == 0
        return _counted(self.fast)

    def settle(self) -> None:
        """Wait until both answer everything from streams, and the same, twice in a row.

        What one of them has not heard yet may look as if both had heard it all. And what one has
        asked of REST a moment before the other stays different until the exchange sends the next.
        """
        moved_at = monotonic()
        until = moved_at + 45
        while not (self._do_all_agree() and self._do_all_agree()):
            assert monotonic() < until, "they never agree"
            if monotonic() > moved_at + PATIENCE_S:
                self.sim.step(GRID_MS)
                moved_at = monotonic()

    def _do_all_agree(self) -> bool:
        return all(map(self._do_agree, KNOWN_TARGETS))

    def _do_agree(self, target: str) -> bool:
        replies = [
            requests.get(proxy.url + target, headers={"X-BPX-API-Key": KEYS[1]}, timeout=20)
            for proxy in self.proxies
        ]
        sources = {reply.headers["Data-Source"] for reply in replies}
        told = {reply.content for reply in replies}
        return sources == {source_of(target)} and len(told) == 1

    def compare(self, scripts: Iterator[Script]) -> int:
        """Follow scripts with both; return how many requests were sent to each."""
        fast, plain = self.talks()
        count = 0
        for script in scripts:
            ours, theirs = fast.follow(script), plain.follow(script)
            if fast.is_broken or plain.is_broken:
                whole = min(len(ours), len(theirs))
                ours, theirs = ours[:whole], theirs[:whole]
            assert ours == theirs, (*difference(ours, theirs), script)
            count += len(script.requests)
        return count


def difference(ours: bytes, theirs: bytes) -> tuple[bytes, bytes]:
    """Return where two texts begin to differ, each with what is around it."""
    same = len(commonpath([ours, theirs]))
    around = slice(max(0, same - 300), same + 100)
    return ours[around], theirs[around]


def nudge(proxy: Proxy) -> None:
    """Have the server go through everything that has arrived."""
    with socket.create_connection(proxy.address, timeout=20) as client:
        client.sendall(b"NOREQUEST\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400")


def _counted(proxy: Proxy) -> float:
    lines = proxy.page("/metrics").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("bpx_repeated_replies"))


def written(names: list[str]) -> str:
    return "".join(f"{key[4:]} data,public,signed {digest_of(key)}\n" for key in names)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with paired(tmp_path_factory.mktemp("lane") / "keys") as pair:
        yield pair


@contextmanager
def paired(keys_file: Path, **more: str) -> Iterator[Pair]:
    """Start both, and wait until they answer everything from streams; then the clock is paused."""
    keys_file.write_text(written([*KEYS, *PACED]))
    with ExitStack() as stack:
        sim = stack.enter_context(Simulator("spot", paused=True, start_ms=START_MS))
        sim.venue.limits.weight_per_minute = WEIGHT  # type: ignore[attr-defined]
        options = OPTIONS | {
            "BPX_UPSTREAM_SPOT_REST": sim.rest_url,
            "BPX_UPSTREAM_SPOT_WS": sim.ws_url,
            "BPX_SECURITY_KEYS_FILE": str(keys_file),
            **more,
        }
        fast, plain = (
            stack.enter_context(running_proxy("spot", options | {"BPX_SERVER_FAST_LANE": lane}))
            for lane in ("true", "false")
        )
        pair = Pair(sim, fast, plain, keys_file)
        for proxy in pair.proxies:
            eventually(lambda proxy=proxy: _is_live(proxy, "/api/v3/exchangeInfo"), within_s=20)
        sim.resume()
        hear(pair)
        stand_still(sim)
        pair.settle()
        yield pair


def stand_still(sim: Simulator) -> None:
    """Stop the exchange's clock at a moment at which it sends what it would answer."""
    sim.pause()
    sim.step(GRID_MS - sim.now_ms % GRID_MS)


def hear(pair: Pair) -> None:
    """Wait until the streams of everything have delivered."""
    for target in KNOWN_TARGETS:
        for proxy in pair.proxies:
            eventually(lambda target=target, proxy=proxy: _is_live(proxy, target), within_s=20)


def _is_live(proxy: Proxy, target: str) -> bool:
    return _source(proxy, target) == source_of(target)


def source_of(target: str) -> str:
    """Return where an answer is from when all is well."""
    return "cache" if "exchangeInfo" in target else "websocket"


def all_kinds(requests_most: int, seed: int) -> Iterator[Script]:
    scripts = Scripts(seed, KEYS)
    yield from scripts.some(requests_most)
    head = known(KEYS[0], KNOWN_TARGETS[8], USUAL_HEADERS[:2])
    yield Script(Way.IN_TURN, (head,) * 3)
    yield Script(Way.IN_TURN, (known(STRANGER),) * 3)
    yield from scripts.cut_everywhere(head)
    yield from scripts.bodies_that_come_late()


def test_known_odd_hostile_cut_and_pipelined_requests_get_the_same_bytes(pair: Pair) -> None:
    asked = pair.compare(all_kinds(1_200, SEED))
    assert pair.repeated() > asked / 5, "the lane was hardly used"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_ten_thousand_requests_get_the_same_bytes(pair: Pair) -> None:
    asked = pair.compare(all_kinds(10_000, SEED + 1))
    assert asked >= 10_000
    assert pair.repeated() > asked / 5, "the lane was hardly used"


def test_while_prices_move_the_same_is_shown_at_each_moment(pair: Pair) -> None:
    before = pair.repeated()
    for number in range(12):
        pair.sim.step(1_000 if number % 4 else 61_000)  # a candle ends, now and then
        pair.settle()
        pair.compare(Scripts(SEED + 100 + number, KEYS).some(40))
    assert pair.repeated() > before + 100


def test_a_key_that_is_taken_away_opens_nothing_any_more(pair: Pair) -> None:
    usual = Script(Way.IN_TURN, (known(KEYS[0]),) * 4)
    pair.compare(iter([usual]))
    before = pair.repeated()
    pair.compare(iter([usual]))
    assert pair.repeated() == before + 4
    pair.keys_file.write_text(written(KEYS[1:]))
    for proxy in pair.proxies:
        eventually(lambda proxy=proxy: _status(proxy, KEYS[0]) != 200, within_s=20)
    before = pair.repeated()
    pair.compare(iter([usual]))
    assert pair.repeated() == before
    pair.keys_file.write_text(written([*KEYS, *PACED]))
    for proxy in pair.proxies:
        eventually(lambda proxy=proxy: _status(proxy, KEYS[0]) == 200, within_s=20)
    pair.compare(iter([usual, usual]))
    assert pair.repeated() >= before + 4


def _status(proxy: Proxy, key: str) -> int:
    url = proxy.url + KNOWN_TARGETS[0]
    return requests.get(url, headers={"X-BPX-API-Key": key}, timeout=20).status_code


def test_whoever_has_asked_too_often_is_refused_in_the_lane_as_well(tmp_path: Path) -> None:
    keys = written([*KEYS, *PACED]).strip().replace("\n", ";")
    with ExitStack() as stack:
        sim = stack.enter_context(Simulator("spot", paused=True))
        options = OPTIONS | {
            "BPX_UPSTREAM_SPOT_REST": sim.rest_url,
            "BPX_UPSTREAM_SPOT_WS": sim.ws_url,
            "BPX_SECURITY_KEYS": keys,
            "BPX_SECURITY_CLIENT_RPS": "1",
            "BPX_SECURITY_CLIENT_BURST": str(BURST),
        }
        proxies = [
            stack.enter_context(running_proxy("spot", options | {"BPX_SERVER_FAST_LANE": lane}))
            for lane in ("true", "false")
        ]
        for proxy in proxies:
            eventually(lambda proxy=proxy: "ok" in proxy.page("/health"), within_s=20)
        for key in PACED[1:]:
            script = Script(Way.IN_TURN, (known(key, "/api/v3/exchangeInfo"),) * (BURST + 10))
            began = monotonic()
            ours, theirs = (Talk(one.address, lambda: None).follow(script) for one in proxies)
            more = int(monotonic() - began)  # one may be asked each second
            for told in (ours, theirs):
                assert BURST <= (served := told.count(b"HTTP/1.1 200")) <= BURST + more
                assert served + told.count(b"HTTP/1.1 429") == BURST + 10
            assert more or ours == theirs
        assert _counted(proxies[0]) >= 5 * (BURST - 2)


def test_while_streams_are_dead_the_word_of_rest_stands_as_long_as_without_the_lane(
    tmp_path: Path,
) -> None:
    script = Script(Way.IN_TURN, (known(KEYS[0]),) * 3)
    with paired(tmp_path / "keys", BPX_FRESH_KEPT="1h") as pair:
        pair.compare(iter([script, script]))
        pair.sim.faults.refuse_handshakes(Refusal(503))
        pair.sim.drop_connections()
        for target in KNOWN_TARGETS:
            for proxy in pair.proxies:
                eventually(
                    lambda target=target, proxy=proxy: _source(proxy, target) == "cache",
                    within_s=20,
                )
        before = pair.repeated()
        pair.compare(iter([script]))
        pair.compare(Scripts(SEED + 3, KEYS).some(100))
        assert pair.repeated() > before
        pair.sim.faults.clear()
        pair.sim.resume()
        hear(pair)
        stand_still(pair.sim)
        pair.settle()
        before = pair.repeated()
        pair.compare(iter([script, script]))
        assert pair.repeated() >= before + 5


def _source(proxy: Proxy, target: str) -> str:
    headers = {"X-BPX-API-Key": KEYS[1]}
    return requests.get(proxy.url + target, headers=headers, timeout=20).headers["Data-Source"]


def test_a_worker_that_is_told_to_stop_says_so_with_its_next_answer(pair: Pair) -> None:
    head = known(KEYS[0])
    with ExitStack() as stack:
        told = []
        for proxy in pair.proxies:
            client = stack.enter_context(socket.create_connection(proxy.address, timeout=20))
            for _ in range(3):
                client.sendall(head)
                assert b"Connection: keep-alive" in one_answer(client, head)
            with told_to_stop(proxy):
                client.sendall(head)
            answer = one_answer(client, head)
            with suppress(ConnectionError):
                assert client.recv(1) == b""
            told.append(normal(answer))
    assert told[0] == told[1]
    assert b"\r\nConnection: close\r\n" in told[0]
