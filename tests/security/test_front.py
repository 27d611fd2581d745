"""Row G1 behind other people's proxies: they and we see the same requests in the same bytes."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.abuse import rest_of, status_of
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.raw_requests import CANARY, INVALID, SMUGGLED, VALID
from tests.faults.stage import Stage, staged
from tests.security.front import KINDS, front

CORPUS = [*INVALID, *SMUGGLED, *(valid[0] for valid in VALID)]


@pytest.fixture(scope="module")
def behind() -> Iterator[Stage]:
    env = {
        "BPX_SERVER_READ_TIMEOUT": "500ms",
        "BPX_SECURITY_PROXY_HOPS": "1",
        "BPX_SECURITY_DENY": "203.0.113.0/24",
    }
    with staged(env) as stage:
        yield stage


@pytest.fixture(scope="module", params=KINDS)
def port(request: pytest.FixtureRequest, behind: Stage, tmp_path_factory) -> Iterator[int]:
    directory: Path = tmp_path_factory.mktemp(request.param)
    directory.chmod(0o755)
    with front(request.param, behind.proxy.address[1], directory) as port:
        yield port


def answered(port: int, sent: bytes) -> bytes:
    """Send bytes, end, and return all that comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        with suppress(OSError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            return rest_of(client)
    return b""


def clean_answer(port: int, *headers: bytes) -> bytes:
    """Return the answer to a request that is one; whoever was held up too long asks again."""
    lines = b"GET /api/v3/next HTTP/1.1", b"Host: a", b"Connection: close", *headers, b"", b""
    for _ in range(9):
        answer = answered(port, b"\r\n".join(lines))
        if status_of(answer) not in (0, 408):
            break
    return answer


def test_there_are_as_many_requests_as_are_wanted() -> None:
    assert len(set(CORPUS)) >= 150


def test_g1_behind_another_proxy_nothing_is_smuggled(behind: Stage, port: int) -> None:
    behind.exchange.mend()
    behind.exchange.talk = lambda hit: reply(
        b"" if hit.method == b"HEAD" else json.dumps(hit.target.decode("latin-1")).encode()
    )
    arrived = 0
    for sent in CORPUS:
        behind.exchange.hits.clear()
        answer = answered(port, sent + CANARY)
        hits = behind.exchange.hits
        # What the exchange got, the client was answered: else somebody saw a request in a body.
        is_bare = answer[:5] not in (b"", b"HTTP/")  # as HTTP/0.9 has it: without a head
        assert len(hits) <= answer.count(b"HTTP/1.1 200") + is_bare, (sent, hits)
        assert len(hits) <= 2, (sent, hits)
        arrived += len(hits)
        # Nor is an answer left over for whoever comes next on the same connection to us.
        clean = clean_answer(port)
        assert status_of(clean) == 200, (sent, clean)
        assert clean.endswith(b'"/api/v3/next"'), (sent, clean)
    assert arrived > len(VALID) / 2, "what is a request arrives"
    figure("G1", requests_behind_proxies=len(CORPUS), smuggled_behind_proxies=0)


def test_g8_behind_a_real_proxy_what_a_client_says_of_itself_counts_for_nothing(port: int) -> None:
    for said in (b"203.0.113.9", b"10.0.0.1, 203.0.113.9", b"garbage"):
        assert status_of(clean_answer(port, b"X-Forwarded-For: " + said)) == 200
