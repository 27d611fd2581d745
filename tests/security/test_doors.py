"""Rows G4, G5, G8, G9, G10 with a real server: targets, addresses, names, sites."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.access.test_targets import AMBIGUOUS, MOVES
from tests.faults.abuse import rest_of, status_of
from tests.faults.figures import figure
from tests.faults.stage import Stage, staged
from tests.security.conftest import BOT, SITE, Guarded

TIME = b"/api/v3/time"
PAIRS = [  # what must not be reached, and how somebody may try to spell it
    f"{begin}{up}{end}"
    for begin in ("/api/v3/", "/api/v3/order/", "/fapi/v1/", "/")
    for up in ("../../", "..%2f..%2f", "%2e%2e/%2e%2e/", "..;/..;/", "..\\..\\", ".%2e/", "//",
               "./", "%2f%2f", "..%252f", "..%c0%af", "%2e/", "..%00/", "..%20/", "x/../", "@",
               ":80/", "#/", ";/", "%5c..%5c")
    for end in ("sapi/v1/capital/withdraw/apply", "evil.example/x", "api/v3/order")
]  # fmt: skip


def raw(stage: Stage, target: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    """Ask with a head of these bytes; return the answer."""
    head = [b"%b %b HTTP/1.1" % (method, target), *headers, b"Connection: close", b"", b""]
    with socket.create_connection(stage.proxy.address, timeout=20) as client:
        client.sendall(b"\r\n".join(head))
        return rest_of(client)


@pytest.fixture(scope="module")
def open_stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def test_g4_whatever_could_be_read_in_two_ways_reaches_nobody(open_stage: Stage):
    targets = [one.encode("utf-8", "surrogateescape") for one in [*AMBIGUOUS, *PAIRS] if one]
    assert len(targets) >= 200
    open_stage.exchange.mend()
    for target in targets:
        for method in (b"GET", b"POST"):
            answer = raw(open_stage, target, b"Host: a", method=method)
            assert 400 <= status_of(answer) < 500, (target, answer)
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] in (-1100, -1020), target
    assert open_stage.exchange.hits == []
    figure("G4", targets=len(targets), reached=0)


@pytest.mark.parametrize("host", [b"evil.example", b"169.254.169.254", b"127.0.0.1:1", b"[::1]"])
def test_g4_whatever_host_is_named_the_exchange_is_asked(open_stage: Stage, host: bytes):
    open_stage.exchange.mend()
    assert status_of(raw(open_stage, TIME, b"Host: " + host)) == 200
    (hit,) = open_stage.exchange.hits
    assert hit.headers[b"host"] == open_stage.exchange.url.removeprefix("http://").encode()
    assert hit.target == TIME


@pytest.mark.parametrize("path", MOVES)
def test_g5_what_moves_assets_reaches_nobody(open_stage: Stage, path: str):
    open_stage.exchange.mend()
    answer = raw(open_stage, f"{path}?signature=x".encode(), b"Host: a", method=b"POST")
    assert status_of(answer) == 404
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == -1020
    assert open_stage.exchange.hits == []


def test_g5_it_is_opted_in_by_one_option_and_all_but_trading_is_shut_by_another():
    with staged({"BPX_SECURITY_ALLOW_WITHDRAWALS": "true"}) as stage:
        assert stage.spot.ask(MOVES[0], "POST").status == 200
        assert [hit.target for hit in stage.exchange.hits] == [MOVES[0].encode()]
    with staged({"BPX_SECURITY_PATHS": "trading"}) as stage:
        assert stage.spot.ask("/api/v3/time").status == 200
        assert stage.spot.ask("/sapi/v1/margin/order", "POST").status == 404
        assert [hit.target for hit in stage.exchange.hits] == [TIME]


SPOOFS = [
    b"X-Forwarded-For: 10.9.9.9", b"X-Forwarded-For: 10.9.9.9, 10.9.9.9", b"X-Real-IP: 10.9.9.9",
    b"Forwarded: for=10.9.9.9", b"X-Client-IP: 10.9.9.9", b"True-Client-IP: 10.9.9.9",
    b"CF-Connecting-IP: 10.9.9.9", b"X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-For: 10.9.9.9",
    b"X-Forwarded-Host: localhost", b"X-Forwarded-Proto: https", b"Client-IP: 10.9.9.9",
]  # fmt: skip


def test_g8_an_address_that_is_only_said_counts_for_nothing():
    with staged({"BPX_SECURITY_ALLOW": "127.0.0.0/8", "BPX_SECURITY_DENY": "10.9.0.0/16"}) as stage:
        for spoof in SPOOFS:
            assert status_of(raw(stage, TIME, spoof)) == 200, spoof


def test_g8_behind_a_proxy_the_last_address_that_it_has_seen_counts():
    env = {
        "BPX_SECURITY_PROXY_HOPS": "1",
        "BPX_SECURITY_ALLOW": "127.0.0.1/32,10.9.0.0/16,2001:db8::/32",
        "BPX_SECURITY_CLIENT_RPS": "1",
        "BPX_SECURITY_CLIENT_BURST": "100",
    }
    with staged(env) as stage:
        for said, status in {
            b"10.9.9.9": 200, b"203.0.113.9, 10.9.9.9": 200, b"10.9.9.9, 203.0.113.9": 403,
            b"2001:db8::7": 200, b"[2001:db8::7]:99": 200, b"::ffff:10.9.9.9": 200,
            b"2001:db9::7": 403, b"garbage": 403, b"10.9.9.9, garbage": 403, b"10.9.9.9,": 403,
            b"unknown": 403, b"10.9.9": 403,
        }.items():  # fmt: skip
            assert status_of(raw(stage, TIME, b"X-Forwarded-For: " + said)) == status, said
        both = b"X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-For: 203.0.113.9"
        assert status_of(raw(stage, TIME, both)) == 403


@pytest.mark.parametrize(
    "header",
    [
        b"SCRIPT_NAME: /api", b"PATH_INFO: /api/v3/order", b"X_MBX_APIKEY: x", b"REMOTE_ADDR: x",
        b"X_Forwarded_For: 10.9.9.9", b"X_BPX_API_Key: x", b"REMOTE_USER: root",
        b"Content_Length: 5", b"X_BPX-API-Key: x",
    ],
)  # fmt: skip
def test_g9_a_name_with_an_underscore_may_pass_for_another_and_is_refused(
    open_stage: Stage, header: bytes
):
    open_stage.exchange.mend()
    assert status_of(raw(open_stage, TIME, header)) == 400
    assert open_stage.exchange.hits == []


@pytest.mark.parametrize(
    "header",
    [
        b"Script-Name: /api", b"Path-Info: /api/v3/order", b"X-Forwarded-Prefix: /api",
        b"X-Script-Name: /x", b"X-Original-URL: /sapi/v1/capital", b"X-Rewrite-URL: /x",
        b"X-HTTP-Method-Override: POST", b"X-Method-Override: DELETE", b"X-Forwarded-Port: 1",
        b"Remote-Addr: 10.9.9.9",
    ],
)  # fmt: skip
def test_g9_no_header_changes_what_is_asked_for(open_stage: Stage, header: bytes):
    open_stage.exchange.mend()
    assert status_of(raw(open_stage, TIME, header)) == 200
    assert [(hit.method, hit.target) for hit in open_stage.exchange.hits] == [(b"GET", TIME)]


def test_g10_a_listed_site_may_read_and_no_other(guarded: Guarded):
    for origin, is_listed in {
        SITE: True, "null": False, "https://evil.example": False, f"{SITE}.evil": False,
        "http://example.org": False, "https://a.example.org": False, f"{SITE}:444": False,
    }.items():  # fmt: skip
        answer = guarded.ask(TIME.decode(), BOT, headers={"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if is_listed else None)
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_g10_a_preflight_is_answered_here_and_promises_no_more_than_that(guarded: Guarded):
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-mbx-apikey",
    }
    target = "/api/v3/order"
    told = guarded.ask(target, method="OPTIONS", headers=asked | {"Origin": SITE})
    assert told.status_code == 204
    assert told.headers["Access-Control-Allow-Origin"] == SITE
    assert "POST" in told.headers["Access-Control-Allow-Methods"]
    evil = guarded.ask(target, method="OPTIONS", headers=asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in evil.headers
    assert guarded.stage.exchange.hits == []


def test_g10_by_default_nothing_is_said_to_browsers(open_stage: Stage):
    open_stage.exchange.mend()
    open_stage.exchange.talk = lambda hit: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\n\r\n{}"
    )
    answer = raw(open_stage, TIME, b"Origin: https://evil.example")
    assert b"access-control" not in answer.lower()
    open_stage.exchange.mend()


def test_g10_a_name_that_is_not_ours_gets_nothing():
    with staged({"BPX_SECURITY_HOSTS": "bpx.internal"}) as stage:
        for host, status in {
            b"bpx.internal": 200, b"BPX.INTERNAL:8090": 200, b"127.0.0.1:8090": 200,
            b"localhost": 200, b"[::1]:8090": 200, b"evil.example": 403,
            b"bpx.internal.evil.example": 403, b"127.0.0.1.evil.example": 403,
        }.items():  # fmt: skip
            assert status_of(raw(stage, TIME, b"Host: " + host)) == status, host
