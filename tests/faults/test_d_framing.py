"""Rows D6, G1, G2: what is a request, where it ends, and what of it is for one connection only."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.faults.abuse import asked, rest_of, status_of
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.raw_requests import (
    AMBIGUOUS,
    CANARY,
    CANARY_TARGET,
    INVALID,
    SMUGGLED,
    VALID,
    Valid,
)
from tests.faults.stage import Stage, staged
from tests.proxy import Proxy
from tests.waiting import eventually

LAST = CANARY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture(scope="module")
def whole_impatient() -> Iterator[Stage]:
    with staged({"BPX_SERVER_READ_TIMEOUT": "300ms", "BPX_SERVER_IDLE_TIMEOUT": "300ms"}) as stage:
        yield stage


@pytest.fixture
def impatient(whole_impatient: Stage) -> Stage:
    """A server that does not wait long for the rest of what is no request."""
    whole_impatient.exchange.mend()
    return whole_impatient


@pytest.fixture(scope="module")
def whole_prompt() -> Iterator[Stage]:
    with staged({"BPX_SERVER_IDLE_TIMEOUT": "300ms"}) as stage:
        yield stage


@pytest.fixture
def stage(whole_prompt: Stage) -> Stage:
    """A server that waits for what is a request, and soon ends a connection that has none."""
    whole_prompt.exchange.mend()
    return whole_prompt


def answered(proxy: Proxy, sent: bytes) -> bytes:
    """Send bytes, and return all that comes until the server ends the connection."""
    with socket.create_connection(proxy.address, timeout=20) as client:
        with suppress(OSError):  # refused before all of it was sent
            client.sendall(sent)
        return rest_of(client)


def echo(stage: Stage) -> None:
    """Have the exchange answer with what was asked."""
    stage.exchange.talk = lambda request: reply(
        b"" if request.method == b"HEAD" else json.dumps(request.target.decode()).encode()
    )


def is_refused(stage: Stage, sent: bytes) -> bool:
    """Whether a request and the one behind it get one refusal or none, and reach nobody."""
    stage.exchange.hits.clear()
    answer = answered(stage.proxy, sent + CANARY)
    if answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert 400 <= status_of(answer) <= 501, (sent, answer)
        assert status_of(answer) != 500, (sent, answer)
        assert b"\r\nConnection: close" in head, (sent, answer)
        assert b"\r\nContent-Type: application/json;charset=UTF-8" in head, (sent, answer)
        assert json.loads(body)["code"] in (-1001, -1020, -1100), (sent, answer)
    assert stage.exchange.hits == [], (sent, stage.exchange.hits)
    return answer != b""


def test_d6_there_are_as_many_requests_as_the_row_wants() -> None:
    assert len(set(INVALID)) >= 74
    assert len({valid[0] for valid in VALID}) >= 63
    assert len(set(SMUGGLED)) >= 30


def test_d6_what_is_no_request_is_refused_with_all_that_follows(impatient: Stage) -> None:
    refused = [is_refused(impatient, sent) for sent in INVALID]
    figure("D6", invalid=len(refused), refused_in_words=sum(refused), canaries=0)
    echo(impatient)
    # Who is held up for longer than it waits is refused, too.
    eventually(lambda: status_of(answered(impatient.proxy, LAST)) == 200)
    assert "Traceback" not in impatient.proxy.log()


@pytest.mark.parametrize("valid", VALID, ids=range(len(VALID)))
def test_d6_what_is_a_request_arrives_as_it_is_and_so_does_the_next(
    stage: Stage, valid: Valid
) -> None:
    sent, method, target, body = valid
    echo(stage)
    answer = answered(stage.proxy, sent + LAST)
    hits = [(hit.method, hit.target, hit.body) for hit in stage.exchange.hits]
    assert hits == [(method, target, body), (b"GET", CANARY_TARGET, b"")]
    told = b"" if method == b"HEAD" else json.dumps(target.decode()).encode()
    nothing, first, second = answer.split(b"HTTP/1.1 200 ")
    assert nothing == b""
    assert first.endswith(b"\r\n\r\n" + told)
    assert second.endswith(b"\r\n\r\n" + json.dumps(CANARY_TARGET.decode()).encode())


@pytest.mark.parametrize("sent", AMBIGUOUS)
def test_d6_what_is_refused_for_its_target_keeps_the_next_from_nobody(
    stage: Stage, sent: bytes
) -> None:
    echo(stage)
    answer = answered(stage.proxy, sent + LAST)
    assert [hit.target for hit in stage.exchange.hits] == [CANARY_TARGET]
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(json.dumps(CANARY_TARGET.decode()).encode())


def test_d6_an_old_client_gets_one_answer_and_the_end(stage: Stage) -> None:
    echo(stage)
    answer = answered(stage.proxy, b"GET /api/v3/x HTTP/1.0\r\n\r\n" + CANARY)
    assert answer.endswith(b'\r\n\r\n"/api/v3/x"')
    assert len(stage.exchange.hits) == 1


def test_d6_half_a_request_is_none(impatient: Stage) -> None:
    whole = b"POST /api/v3/order HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
    parts = (
        b"POST /api/v3/order HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    halves = [request[:size] for request in (whole, parts) for size in range(1, len(request))]
    with ThreadPoolExecutor(len(halves)) as clients:
        answers = list(clients.map(lambda half: answered(impatient.proxy, half), halves))
    assert {status_of(answer) for answer in answers} == {408}
    assert impatient.exchange.hits == []


def test_g1_nothing_is_smuggled(impatient: Stage) -> None:
    refused = [is_refused(impatient, sent) for sent in SMUGGLED]
    figure("G1", ambiguous=len(refused), refused_in_words=sum(refused), smuggled=0)


CREDENTIALS = "X-MBX-APIKEY: the-key\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        "Connection: X-MBX-APIKEY",
        "Connection: keep-alive, x-mbx-apikey",
        "Connection: close, X-Api-Key\r\nX-Api-Key: ours",
        "TE: trailers, deflate\r\nConnection: TE",
        "Trailer: X-Sum",
        "Upgrade: websocket\r\nConnection: Upgrade",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings",
        "Keep-Alive: timeout=5, max=1000",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic abc",
        "Proxy-Authenticate: Basic",
        "Proxy-Foo: bar",
    ],
)
def test_g2_what_is_meant_for_one_connection_stays_on_it(stage: Stage, headers: str) -> None:
    echo(stage)
    request = f"POST /api/v3/order HTTP/1.1\r\n{CREDENTIALS}{headers}\r\nContent-Length: 0\r\n\r\n"
    answer = answered(stage.proxy, request.encode())
    assert status_of(answer) == 200
    assert b"Upgrade" not in answer
    [hit] = stage.exchange.hits
    names = {line.partition(":")[0].lower().encode() for line in headers.split("\r\n")}
    assert hit.headers.keys().isdisjoint(names - {b"connection"})
    assert hit.headers.get(b"connection", b"keep-alive") == b"keep-alive"


@pytest.mark.parametrize("option", ["X-MBX-APIKEY", "close, x-mbx-apikey", "X-MBX-APIKEY,TE"])
def test_g2_a_key_cannot_be_taken_away_by_naming_it(stage: Stage, option: str) -> None:
    """Nor can what a request is be changed: the exchange would take it for somebody else's."""
    echo(stage)
    request = f"POST /api/v3/order HTTP/1.1\r\n{CREDENTIALS}Connection: {option}\r\n\r\n"
    answered(stage.proxy, request.encode())
    assert [hit.headers.get(b"x-mbx-apikey") for hit in stage.exchange.hits] == [b"the-key"]


@pytest.mark.parametrize("option", ["close", "Close", "close, X-Api-Key", "x, close"])
def test_g2_a_client_that_says_close_is_closed(stage: Stage, option: str) -> None:
    echo(stage)
    request = f"GET /api/v3/x HTTP/1.1\r\nConnection: {option}\r\n\r\n".encode()
    answer = asked(stage.proxy, request + CANARY)
    assert b"\r\nConnection: close\r\n" in answer
    assert [hit.target for hit in stage.exchange.hits] == [b"/api/v3/x"]


def test_g2_what_the_exchange_means_for_its_connection_stays_there(stage: Stage) -> None:
    ours = {"connection", "keep-alive", "proxy-authenticate", "trailer", "upgrade", "x-only-here"}
    stage.exchange.talk = lambda request: reply(
        headers="Connection: keep-alive, X-MBX-Only-Here\r\nX-MBX-Only-Here: 1\r\n"
        "Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nTrailer: X-Sum\r\n"
        "Upgrade: h2c\r\nX-MBX-Here: 1\r\n"
    )
    headers = stage.spot.ask("/api/v3/x").reply.headers
    assert {name.lower() for name in headers} & (ours - {"connection"}) == set()
    assert "X-MBX-Only-Here" not in headers
    assert headers["Connection"] == "keep-alive"
    assert headers["X-MBX-Here"] == "1"
