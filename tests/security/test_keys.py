"""Rows G3, G7, G17, G18 with a real server: keys let in, and go nowhere."""

import json
from collections.abc import Callable
from math import erfc, sqrt
from time import perf_counter_ns

import pytest

from bpx.access.keys import TRADING, Key, Keyring, digest_of, make_key
from tests.faults.exchange import reply
from tests.faults.scale import full_or
from tests.security.conftest import BOT, OPS, OTHER, READER, Guarded
from tests.waiting import eventually

KLINES = "/api/v3/klines?symbol=OLDUSDT&interval=1m"
TIME = "/api/v3/time"
ACCOUNT = "/api/v3/account?timestamp=1&signature=abc"
ORDER = "/api/v3/order?symbol=OLDUSDT&timestamp=1&signature=abc"
ODD = {f"X-Odd-{n}": "x" for n in range(50)}
OURS = {
    "Cookie": "a=b", "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9",
    "X-Real-IP": "203.0.113.9", "X-Api-Key": "x", "Origin": "https://example.org",
    "Referer": "https://example.org/", "Via": "1.1 x",
}  # fmt: skip
SENT_ON = {
    b"host", b"x-mbx-apikey", b"x-mbx-time-unit", b"x-mbx-sbe", b"content-type", b"accept",
    b"accept-encoding", b"user-agent", b"content-length",
}  # fmt: skip


@pytest.mark.parametrize("way", ["X-BPX-API-Key", "Authorization"])
def test_g3_our_key_never_leaves_and_binance_sees_a_list_of_headers_alone(guarded: Guarded, way):
    shown = BOT if way == "X-BPX-API-Key" else f"Bearer {BOT}"
    headers = OURS | ODD | {way: shown, "X-MBX-APIKEY": "theirs", "X-MBX-TIME-UNIT": "MICROSECOND"}
    for target, method in ((TIME, "GET"), (ACCOUNT, "GET"), (ORDER, "POST")):
        assert guarded.ask(target, None, method, headers=headers, data="").status_code == 200
    assert len(guarded.stage.exchange.hits) == 3
    for hit in guarded.stage.exchange.hits:
        assert set(hit.headers) <= SENT_ON
        assert hit.headers[b"x-mbx-apikey"] == b"theirs"
        assert BOT.encode() not in hit.head + hit.body


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"X-BPX-API-Key": ""}, {"X-BPX-API-Key": "wrong"}, {"X-BPX-API-Key": BOT[:-1]},
        {"X-BPX-API-Key": BOT + "x"}, {"X-BPX-API-Key": f"{BOT},{BOT}"},
        {"X-BPX-API-Key": "k\u00e9y".encode("latin-1")}, {"X-BPX-API-Key": "x" * 8000},
        {"Authorization": f"Basic {BOT}"}, {"Authorization": BOT}, {"X-API-Key": BOT},
        {"Cookie": f"X-BPX-API-Key={BOT}"}, {"X-BPX-API-Key": BOT, "Authorization": "Bearer x"},
    ],
)  # fmt: skip
def test_g7_without_a_key_there_is_nothing(guarded: Guarded, headers):
    for target, method in ((KLINES, "GET"), (TIME, "GET"), (ORDER, "POST")):
        answer = guarded.ask(target, None, method, headers=headers)
        assert answer.status_code in (401, 429)  # the latter after many wrong ones
        assert answer.json()["code"] == (-1002 if answer.status_code == 401 else -1003)
        assert answer.headers["X-Proxy-Error"] == "auth"
        assert answer.headers["Data-Source"] == "proxy"
    assert guarded.stage.exchange.hits == []


def test_g7_a_key_in_the_target_is_none_and_is_not_logged(guarded: Guarded):
    assert guarded.ask(f"{TIME}?key={BOT}").status_code in (401, 429)
    assert BOT not in guarded.stage.proxy.log()


def test_g7_a_header_twice_is_no_key(guarded: Guarded):
    import socket

    with socket.create_connection(guarded.stage.proxy.address, timeout=20) as client:
        client.sendall(
            f"GET {TIME} HTTP/1.1\r\nX-BPX-API-Key: {BOT}\r\nX-BPX-API-Key: {BOT}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert client.recv(12) in (b"HTTP/1.1 401", b"HTTP/1.1 429")


def test_a_scope_is_all_that_a_key_opens(guarded: Guarded):
    assert guarded.ask(KLINES, READER).status_code == 200
    for target, method in ((TIME, "GET"), (ACCOUNT, "GET"), (ORDER, "POST"), (ORDER, "DELETE")):
        refused = guarded.ask(target, READER, method)
        assert (refused.status_code, refused.headers["X-Proxy-Error"]) == (403, "scope")
    assert guarded.ask(KLINES, OPS).status_code == 403
    hits = guarded.stage.exchange.hits
    assert {hit.target for hit in hits} <= {KLINES.encode()}


def test_g17_a_signed_answer_is_its_askers_alone(guarded: Guarded):
    exchange, serial = guarded.stage.exchange, iter(range(1000))
    exchange.talk = lambda hit: reply(
        json.dumps({"key": hit.headers[b"x-mbx-apikey"].decode(), "n": next(serial)}).encode(),
        headers='ETag: "same"\r\nCache-Control: max-age=60\r\n',
    )
    seen = []
    for key, theirs in ((BOT, "one"), (OTHER, "two"), (BOT, "one"), (OTHER, "two")):
        headers = {"X-MBX-APIKEY": theirs, "If-None-Match": '"same"', "Cache-Control": "max-age=9"}
        answer = guarded.ask(ACCOUNT, key, headers=headers)
        assert answer.headers["Data-Source"] == "upstream"
        assert answer.json()["key"] == theirs
        seen.append(answer.json()["n"])
    assert len(set(seen)) == 4, "each was asked for"


def test_g18_binances_key_on_a_public_read_changes_nothing(guarded: Guarded):
    path = "/api/v3/exchangeInfo"
    plain = guarded.ask(path, BOT)
    with_key = guarded.ask(path, BOT, headers={"X-MBX-APIKEY": "theirs"})
    assert with_key.content == plain.content
    assert with_key.headers["Data-Source"] == plain.headers["Data-Source"] == "cache"
    assert "theirs" not in guarded.stage.proxy.log()


def test_a_revoked_key_is_out_at_once_and_a_second_one_is_in_beside_the_first(guarded: Guarded):
    text, newer = guarded.keys.read_text(), make_key()
    assert guarded.ask(TIME, newer).status_code in (401, 429)
    try:
        row = f"bot data,public,signed {digest_of(newer)}\n"
        guarded.keys.write_text(text + row)
        eventually(lambda: guarded.ask(TIME, newer).status_code == 200)
        assert guarded.ask(TIME, BOT).status_code == 200
        guarded.keys.write_text(text.replace(digest_of(BOT), "0" * 64) + row)
        eventually(lambda: guarded.ask(TIME, BOT).status_code in (401, 429))
        assert guarded.ask(TIME, newer).status_code == 200
    finally:
        guarded.keys.write_text(text)
    eventually(lambda: guarded.ask(TIME, BOT).status_code == 200)


def test_g7_how_much_of_a_key_is_right_cannot_be_told_by_the_time():
    keys = [make_key() for _ in range(5)]
    ring = Keyring(Key(str(n), TRADING, digest_of(key)) for n, key in enumerate(keys))
    assert tells(keys[2], ring.find) > 1e-6


def test_it_can_be_told_of_what_stops_at_the_first_difference():
    secret = make_key()

    def find(guess: str) -> bool:
        return all(ours == theirs for ours, theirs in zip(secret, guess, strict=True))

    assert tells(secret, find) < 1e-6


def tells(secret: str, find: Callable[[str], object]) -> float:
    """Return how probable it is that guesses with 31 right letters take no longer than others.

    By the sign test: noise that lasts for a while hits both of a pair.
    https://www.itl.nist.gov/div898/software/dataplot/refman1/auxillar/signtest.htm
    """
    pairs, longer = full_or(10_000, 2_000), 0
    for number in range(pairs):
        guesses = [make_key(), secret[:31] + make_key()[31:]]
        times = {}
        for one in (number % 2, 1 - number % 2):
            began = perf_counter_ns()
            find(guesses[one])
            times[one] = perf_counter_ns() - began
        longer += times[1] > times[0]
        longer += times[1] == times[0] and number % 2
    return erfc(abs(longer - pairs / 2) / sqrt(pairs / 4) / sqrt(2))
