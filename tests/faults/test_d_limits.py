"""Rows D4, D5, D11: bodies, targets and headers that are too large, and methods that are none."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.faults.abuse import asked, rest_of, status_of
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.memory import peak_mb
from tests.faults.scale import full_or
from tests.faults.stage import Stage
from tests.proxy import Proxy

POST = "POST /api/v3/order HTTP/1.1\r\n"
KB, MB = 1 << 10, 1 << 20
CHUNK = b"10000\r\n" + b"x" * (64 * KB) + b"\r\n"


def sent_until_refused(proxy: Proxy, head: str, pieces: Iterator[bytes]) -> tuple[bytes, int]:
    """Send a request for as long as it is taken; return the answer, and how much was sent."""
    with socket.create_connection(proxy.address, timeout=20) as client:
        client.sendall(head.encode())
        count = 0
        with suppress(OSError):
            for piece in pieces:
                client.sendall(piece)
                count += len(piece)
        return rest_of(client), count


def pieces(size: int) -> Iterator[bytes]:
    """Yield so many bytes."""
    while size > 0:
        yield b"x" * min(size, 64 * KB)
        size -= 64 * KB


def endless(piece: bytes, most: int = 64 * MB) -> Iterator[bytes]:
    """Yield the same for ever; a test need not."""
    for _ in range(most // len(piece)):
        yield piece


TOO_LARGE = {
    "one byte more": (f"{POST}Content-Length: 65537\r\n\r\n", lambda: pieces(64 * KB + 1)),
    "10 MB": (f"{POST}Content-Length: {10 * MB}\r\n\r\n", lambda: pieces(10 * MB)),
    "1 GB": (f"{POST}Content-Length: {1 << 30}\r\n\r\n", lambda: pieces(1 << 30)),
    "endless": (f"{POST}Transfer-Encoding: chunked\r\n\r\n", lambda: endless(CHUNK)),
    "asks first": (
        f"{POST}Content-Length: {1 << 30}\r\nExpect: 100-continue\r\n\r\n",
        lambda: pieces(0),
    ),
}
FRAMED = {  # what is never a body, and has no end
    "tiny chunks": lambda: endless(b"1;" + b"a=b;" * 1_000 + b"a=b\r\nx\r\n"),
    "a chunk's line": lambda: endless(b"1;" + b"a" * 4_000),
    "trailers": lambda: (part for rest in (endless(b"X-A: b\r\n" * 500),) for part in
                         (b"0\r\n", *rest)),
}  # fmt: skip


def refusal(answer: bytes) -> tuple[int, int]:
    """Return status and code; it must be the only answer, JSON, and the last."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1, answer[:500]
    assert b"\r\nContent-Type: application/json;charset=UTF-8" in head
    assert b"\r\nConnection: close" in head
    return status_of(answer), json.loads(body)["code"]


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_d4_a_body_that_is_too_large_is_refused_before_it_is_read(stage: Stage, kind: str) -> None:
    head, body = TOO_LARGE[kind]
    before_mb, count = peak_mb(stage.worker(), reset=True), full_or(50, 5)

    def send(number: int) -> tuple[bytes, int]:
        return sent_until_refused(stage.proxy, head, body())

    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(send, range(count)))
    grown_mb = peak_mb(stage.worker()) - before_mb
    most_sent = max(sent for _, sent in answers)
    figure(f"D4 {kind}", clients=count, rss_grown_mb=grown_mb, most_sent_mb=most_sent / MB)
    assert {refusal(answer) for answer, _ in answers} == {(413, -1100)}
    assert most_sent < 32 * MB, "what the system takes in between"
    assert grown_mb <= 10
    assert stage.exchange.hits == []


@pytest.mark.parametrize("kind", [kind for kind in TOO_LARGE if kind != "endless"])
def test_d4_a_body_that_is_too_large_is_refused_by_its_head(stage: Stage, kind: str) -> None:
    answer, sent = sent_until_refused(stage.proxy, TOO_LARGE[kind][0], pieces(0))
    assert (refusal(answer), sent) == ((413, -1100), 0)


@pytest.mark.parametrize("kind", FRAMED)
def test_d4_what_frames_a_body_has_an_end_too(stage: Stage, kind: str) -> None:
    before_mb = peak_mb(stage.worker(), reset=True)
    head = f"{POST}Transfer-Encoding: chunked\r\n\r\n"
    answer, sent = sent_until_refused(stage.proxy, head, FRAMED[kind]())
    figure(f"D4 {kind}", status=status_of(answer), sent_kb=sent / KB)
    assert refusal(answer) in {(400, -1100), (431, -1100)}
    assert sent < 20 * MB
    assert peak_mb(stage.worker()) - before_mb <= 10
    assert stage.exchange.hits == []


def test_d4_a_body_of_64_kb_is_none_of_these(stage: Stage) -> None:
    body = bytes(range(256)) * 256
    stage.spot.ask("/api/v3/order", "POST", data=body)
    assert [hit.body for hit in stage.exchange.hits] == [body]


def symbols(count: int) -> str:
    """Return a list of so many symbols, as bots write it."""
    return ",".join(f'"{"ABCDEFGHIJ"[n % 10]}{n:03}USDT"' for n in range(count))


@pytest.mark.parametrize("count", [200, 400])
def test_d5_a_target_of_many_symbols_arrives(stage: Stage, count: int) -> None:
    for listed in (symbols(count), symbols(count).replace('"', "%22")):
        target = f"/api/v3/ticker/price?symbols=[{listed}]"
        if len(target) > 8_176:
            continue
        stage.exchange.mend()
        stage.exchange.talk = lambda request: reply(b'[{"price":"1"}]')
        answer = asked(stage.proxy, f"GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        assert status_of(answer) == 200
        assert [hit.target for hit in stage.exchange.hits] == [target.encode()]


@pytest.mark.parametrize(("length", "status"), [(8_190, 200), (8_191, 414), (100_000, 414)])
def test_d5_a_request_line_may_have_8190_bytes(stage: Stage, length: int, status: int) -> None:
    start, end = "GET /api/v3/ticker/price?x=", " HTTP/1.1"
    line = start + "a" * (length - len(start) - len(end)) + end
    answer = asked(stage.proxy, f"{line}\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) == status
    assert len(stage.exchange.hits) == (status == 200)
    if status != 200:
        assert refusal(answer) == (414, -1100)
    assert "Traceback" not in stage.proxy.log()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("X-A: b\r\n" * 99, 200),
        ("X-A: b\r\n" * 100, 431),
        (f"X-A: {'b' * 8_000}\r\n", 200),
        (f"X-A: {'b' * 9_000}\r\n", 431),
        (f"X-A: {'b' * 8_000}\r\n" * 5, 431),  # and nobody keeps 800 kB for each client
        (f"X-A: {'b' * 8_000}\r\n" * 1_000, 431),
    ],
)
def test_d5_headers_are_bounded_one_by_one_and_in_all(
    stage: Stage, headers: str, status: int
) -> None:
    request = f"GET /api/v3/ticker/price?x=1 HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"
    answer = sent_until_refused(stage.proxy, request, iter(()))[0]
    assert status_of(answer) == status
    if status != 200:
        assert refusal(answer) == (431, -1100)
        assert stage.exchange.hits == []
    assert "Traceback" not in stage.proxy.log()


@pytest.mark.parametrize(
    ("method", "refused"),
    [
        *((method, (405, -1020)) for method in ("TRACE", "CONNECT", "PROPFIND", "X" * 20)),
        *((method, (501, -1020)) for method in ("GeT", "get", "X" * 30, "XX")),
    ],
)
def test_d11_a_method_that_is_none_is_refused_as_json(
    stage: Stage, method: str, refused: tuple[int, int]
) -> None:
    target = "api.binance.com:443" if method == "CONNECT" else "/api/v3/order"
    request = f"{method} {target} HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert refusal(asked(stage.proxy, request.encode())) == refused
    assert stage.exchange.hits == []


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH"])
def test_d11_what_only_the_exchange_can_refuse_it_refuses(stage: Stage, method: str) -> None:
    said = b'{"code":-1020,"msg":"This operation is not supported."}'
    stage.exchange.talk = lambda request: reply(said, status=405)
    got = stage.spot.ask("/api/v3/klines?symbol=BTCUSDT&interval=1m", method)
    assert (got.status, got.reply.content) == (405, said)
    assert "Access-Control-Allow-Origin" not in got.reply.headers
    assert len(stage.exchange.hits) == 1


@pytest.mark.parametrize("path", ["/api/v3/exchangeInfo", "/api/v3/ticker/price?x=1", "/none"])
def test_d11_head_is_get_without_a_body(stage: Stage, path: str) -> None:
    stage.exchange.talk = lambda request: (
        reply(b'{"a":1}') if request.method == b"GET" else reply(b"", headers="").replace(
            b"Content-Length: 0", b"Content-Length: 7").replace(b"text/html", b"application/json")
    )  # fmt: skip
    get, head = stage.spot.ask(path).reply, stage.spot.ask(path, "HEAD").reply
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("Content-Type", "Content-Length", "Data-Source"):
        assert head.headers[name] == get.headers[name]
