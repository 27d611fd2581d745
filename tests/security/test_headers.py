"""Row G6: nobody adds a header, in either direction."""

import socket
from collections.abc import Iterator

import pytest

from tests.faults.abuse import rest_of, status_of
from tests.faults.stage import Stage, staged
from tests.upstream.wire_server import Answer, Then

MARK = b"X-Injected"
ASKED = [
    b"/api/v3/x?a=%0d%0aX-Injected:%20b", b"/api/v3/x?a=%0aX-Injected:b", b"/api/v3/x?a=%00",
    b"/api/v3/x?a=%E5%98%8A%E5%98%8DX-Injected:b", b"/api/v3/x%0d%0aX-Injected:%20b",
    b"/api/v3/x?a=\\r\\nX-Injected:b",
]  # fmt: skip
SAID = [
    b"X-MBX-A: b\rX-Injected: 1", b"X-MBX-A: b\nX-Injected: 1", b"X-MBX-A: b\r\n X-Injected: 1",
    b"X-MBX-A: b\x00X-Injected: 1", b"X-MBX-A: b\x0bX-Injected: 1", b"X-MBX-A: \xc3\xa9",
    b"X-MBX-A: \x85X-Injected: 1", b"X-MBX-A : b\r\nX-Injected: 1", b"X-Injected: 1",
    b"Content-Type: application/json\rX-Injected: 1", b"Set-Cookie: X-Injected=1",
    b"Connection: close\r\nKeep-Alive: X-Injected", b"Via: 1.1 a\x1bX-Injected",
]  # fmt: skip


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    # A head that is none is a traceback of urllib3's.
    with staged(may_log=["Traceback"]) as stage:
        yield stage


def ask(stage: Stage, target: bytes) -> bytes:
    with socket.create_connection(stage.proxy.address, timeout=20) as client:
        client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target)
        return rest_of(client)


def names(answer: bytes) -> set[bytes]:
    """Return the names of the headers, by every way to end a line that there is."""
    head = answer.partition(b"\r\n\r\n")[0].replace(b"\r", b"\n")
    return {line.partition(b":")[0].strip().lower() for line in head.split(b"\n")[1:]}


@pytest.mark.parametrize("target", ASKED)
def test_g6_what_is_asked_adds_no_header_to_the_answer_nor_to_what_is_sent_on(
    stage: Stage, target: bytes
) -> None:
    stage.exchange.mend()
    answer = ask(stage, target)
    assert status_of(answer) in (200, 400)
    assert MARK.lower() not in names(answer)
    for hit in stage.exchange.hits:
        assert MARK.lower() not in hit.headers
        assert hit.target == target


@pytest.mark.parametrize("line", SAID)
def test_g6_what_the_exchange_says_adds_no_header_to_the_answer(stage: Stage, line: bytes) -> None:
    stage.exchange.mend()
    body = b'{"a":1}'
    stage.exchange.talk = lambda hit: Answer(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n\r\n%b" % (len(body), line, body),
        Then.CLOSE,
    )
    answer = ask(stage, b"/api/v3/avgPrice?symbol=A")
    assert status_of(answer) in (200, 502, 504), answer
    assert MARK.lower() not in names(answer)
    assert b"Traceback" not in answer
    stage.exchange.mend()
