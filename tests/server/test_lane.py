"""The lane's memory, and what it does with what it knows."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import gevent
import pytest
from gevent import socket

from bpx.server.lane import LONGEST_HEAD, Known, Lane, Place, is_one_request

HEAD = b"GET /api/v3/depth HTTP/1.1\r\nHost: a\r\n\r\n"
SAID = b"Content-Length: 2\r\n\r\n"


@dataclass
class Client:
    """A connection as the lane sees it, over a pair of sockets; the other end is the bot."""

    place: Place
    ours: socket.socket
    bot: socket.socket
    noted: list[str] = field(default_factory=list)
    left: list[bytes] = field(default_factory=list)

    @property
    def watcher(self):
        return self.ours._read_event

    @property
    def descriptor(self) -> int:
        return self.ours.fileno()

    @property
    def is_over(self) -> bool:
        return self.ours.fileno() < 0

    def reset(self) -> None:
        self.noted.append("reset")
        self.ours.close()

    def has_repeated(self, now) -> None:
        self.noted.append("repeated")

    def begin_answer(self) -> None:
        self.noted.append("begun")

    def send_rest(self, parts, count) -> None:
        assert not self.watcher.active, "it would ring and ring while the client does not read"
        self.left.append(b"".join(parts)[count:])

    def end_answer(self) -> None:
        self.noted.append("ended")


def until(condition: Callable[[], bool]) -> None:
    """Let others run until it holds; fail if it does not in time."""
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.001)


@contextmanager
def connected(lane: Lane) -> Iterator[Client]:
    ours, bot = socket.socketpair()
    bot.settimeout(20)
    with ours, bot:
        yield Client(lane.enter(("port", "1.2.3.4")), ours, bot)


def known(*answers, closes: bool = False) -> Known:
    """Return what answers so, one after the other, and then the last for ever."""
    left = list(answers)
    return Known(lambda now: left.pop(0) if len(left) > 1 else left[0], closes)


def test_what_is_known_is_answered_and_what_is_not_is_handed_on() -> None:
    lane = Lane()
    with connected(lane) as client:
        lane.learn(client.place, HEAD, known((SAID, (b"[]",), 2)))
        client.bot.sendall(HEAD)
        serving = gevent.spawn(lane.answer_known, client)
        answer = client.bot.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\nServer: bpx\r\nDate: ")
        assert answer.endswith(b"GMT\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n[]")
        client.bot.sendall(b"GET /other HTTP/1.1\r\n\r\n")
        assert serving.get(timeout=20) == b"GET /other HTTP/1.1\r\n\r\n"
        assert not client.watcher.active, "gunicorn waits with it now"
        assert client.noted == ["repeated"]


def test_the_parts_of_a_large_body_are_written_in_their_order() -> None:
    lane, rows = Lane(), memoryview(b"x" * 40_000 + b"y" * 40_000)
    with connected(lane) as client:
        lane.learn(client.place, HEAD, known((SAID, (b"[", rows[30_000:50_000], b"]"), 20_002)))
        client.bot.sendall(HEAD)
        serving = gevent.spawn(lane.answer_known, client)
        answer = b""
        while not answer.endswith(b"]"):
            answer += client.bot.recv(65536)
        assert answer.partition(b"\r\n\r\n")[2] == b"[" + b"x" * 10_000 + b"y" * 10_000 + b"]"
        client.bot.close()
        assert serving.get(timeout=20) == b""


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("buffer_bytes", [1, 1_000_000])
def test_long_answers_come_whole_whatever_is_taken_at_once(buffer_bytes, is_full) -> None:
    lane, body = Lane(), b"[" + b"x" * 40_000 + b"]"
    with connected(lane) as client:
        client.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        lane.learn(client.place, HEAD, known((SAID, (body,), len(body))))
        ahead = filled(client.ours) if is_full else 0
        serving = gevent.spawn(lane.answer_known, client)
        for times in (1, 2, 3):
            client.bot.sendall(HEAD)
            until(lambda: sum(map(client.noted.count, ("repeated", "ended"))) == times)  # noqa: B023
            came = (emptied(client.bot) + b"".join(client.left))[ahead:]
            assert came.startswith(b"HTTP/1.1 200 OK\r\n")
            assert came.partition(b"\r\n\r\n")[2] == body
            client.left.clear()
            ahead = 0
        client.bot.close()
        assert serving.get(timeout=20) == b""


def filled(sock: socket.socket) -> int:
    """Send until nothing more is taken; return how much that was."""
    count = 0
    with suppress(BlockingIOError):
        while True:
            count += os.write(sock.fileno(), b"." * 512)
    return count


def emptied(sock: socket.socket) -> bytes:
    """Return all that has arrived."""
    came = b""
    with suppress(BlockingIOError):
        while True:
            came += os.read(sock.fileno(), 65536)
    return came


@pytest.mark.parametrize("answer", [None, ValueError("a bug")])
def test_where_the_application_has_to_be_asked_the_bytes_are_handed_on(answer) -> None:
    def repeat(now):
        if answer is not None:
            raise answer

    lane = Lane()
    with connected(lane) as client:
        lane.learn(client.place, HEAD, Known(repeat, closes=False))
        client.bot.sendall(HEAD)
        assert lane.answer_known(client) == HEAD


def test_a_lane_that_is_closed_hands_everything_on() -> None:
    lane = Lane()
    with connected(lane) as client:
        lane.learn(client.place, HEAD, known((SAID, (b"[]",), 2)))
        lane.is_open = False
        client.bot.sendall(HEAD)
        assert lane.answer_known(client) == HEAD


def test_a_client_that_wants_to_close_is_told_so_and_served_no_more() -> None:
    lane = Lane()
    with connected(lane) as client:
        lane.learn(client.place, HEAD, known((SAID, (b"[]",), 2), closes=True))
        client.bot.sendall(HEAD)
        assert lane.answer_known(client, is_fresh=True) == b""
        assert b"\r\nConnection: close\r\n" in client.bot.recv(4096)


def test_what_a_client_does_not_take_at_once_is_left_to_the_slow_path() -> None:
    lane, body = Lane(), b"z" * 8_000_000
    with connected(lane) as client:
        lane.learn(client.place, HEAD, known((SAID, (body,), len(body)), closes=True))
        client.bot.sendall(HEAD)
        assert lane.answer_known(client) == b""
        assert client.noted == ["begun", "ended"]
        [left] = client.left
        assert 0 < len(left) < len(body)


def test_after_that_it_goes_on_in_the_lane() -> None:
    lane, body = Lane(), b"z" * 8_000_000
    with connected(lane) as client:
        lane.learn(client.place, HEAD, known((SAID, (b"[]",), 2), (SAID, (body,), len(body))))
        client.bot.sendall(HEAD)
        serving = gevent.spawn(lane.answer_known, client)
        assert client.bot.recv(4096).endswith(b"[]")
        client.bot.sendall(HEAD)
        until(lambda: bool(client.left))
        client.bot.sendall(b"GET /other HTTP/1.1\r\n\r\n")
        assert serving.get(timeout=20) == b"GET /other HTTP/1.1\r\n\r\n"
        assert client.noted == ["repeated", "begun", "ended"]


def test_whoever_waits_is_told_when_the_connection_is_closed_by_us() -> None:
    lane = Lane()
    with connected(lane) as client:
        waiting = gevent.spawn(lane.answer_known, client)
        until(lambda: client.watcher.active)
        client.ours.close()
        assert waiting.get(timeout=20) == b""


def head(number: int, size: int = 50) -> bytes:
    return b"GET /%d HTTP/1.1\r\n\r\n".ljust(size) % number


def test_of_one_address_no_more_is_remembered_than_its_share() -> None:
    lane = Lane(heads=20)
    bots, flood = lane.enter(("port", "1.1.1.1")), lane.enter(("port", "2.2.2.2"))
    for number in range(8):
        lane.learn(bots, head(number), known(None))
    for number in range(1_000):
        lane.learn(flood, head(number), known(None))
    assert [len(bots), len(flood), len(lane)] == [8, 10, 18]
    assert list(flood) == [head(number) for number in range(990, 1_000)]


def test_when_all_is_full_the_fullest_address_gives_up_what_was_longest_unused() -> None:
    lane = Lane(heads=20)
    few = lane.enter(("port", "0.0.0.0"))
    for number in range(3):
        lane.learn(few, head(number), known(None))
    for address in range(3):
        place = lane.enter(("port", f"1.1.1.{address}"))
        for number in range(9):
            lane.learn(place, head(number), known(None))
        lane.leave(place)
    assert len(lane) == 20
    assert len(few) == 3


def test_bytes_are_bounded_as_well() -> None:
    lane = Lane(head_bytes=10_000)
    place = lane.enter(("port", "1.1.1.1"))
    for number in range(100):
        lane.learn(place, head(number, 500), known(None))
    assert place.head_bytes == sum(map(len, place)) <= 5_000
    assert len(lane) == len(place) == 10


def test_a_head_that_is_learnt_anew_counts_once() -> None:
    lane = Lane()
    place = lane.enter(("port", "1.1.1.1"))
    for _ in range(3):
        lane.learn(place, HEAD, known(None))
    assert (len(lane), place.head_bytes) == (1, len(HEAD))


def test_an_address_that_nobody_comes_from_and_nothing_is_known_of_is_forgotten() -> None:
    lane = Lane()
    one = lane.enter(("port", "1.1.1.1"))
    assert lane.enter(("port", "1.1.1.1")) is one
    lane.leave(one)
    assert lane.enter(("port", "1.1.1.1")) is one
    lane.leave(one)
    lane.leave(one)
    assert lane.enter(("port", "1.1.1.1")) is not one


def request(*headers: tuple[str, str], version: tuple[int, int] = (1, 1)) -> SimpleNamespace:
    return SimpleNamespace(headers=headers, version=version)


@pytest.mark.parametrize(
    ("read", "parsed"),
    [
        (None, request()),
        (b"\r\n" + HEAD, request()),
        (HEAD.replace(b"GET", b"HEAD"), request()),
        (HEAD + HEAD, request()),
        (HEAD + b"x", request()),
        (HEAD[:-2], request()),
        (HEAD, request(version=(1, 0))),
        (HEAD, request(("CONTENT-LENGTH", "0"))),
        (HEAD, request(("TRANSFER-ENCODING", "chunked"))),
        (HEAD, request(("EXPECT", "100-continue"))),
        (HEAD, request(("UPGRADE", "h2c"))),
        (HEAD[:-4] + b"\r\nX: " + b"x" * LONGEST_HEAD + b"\r\n\r\n", request()),
    ],
)
def test_only_whole_bodyless_requests_are_remembered(read, parsed) -> None:
    assert not is_one_request(read, parsed)
    assert is_one_request(HEAD, request(("HOST", "a")))
