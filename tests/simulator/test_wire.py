"""REST on the wire, over real sockets."""

import gzip
import json

import pytest
import requests

from tests.simulator.clients import raw_http


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v3/x?a=%41%2f%2F%e5&b=",
        b'/x?a=[1,"2"]&b={}',
        b"/a/../b/./c//d?x=1",
        b"//double",
        b"/x?",
        b"/x?%23=%3F&&=&c",
        b"/x?q=\xe5\xb8\x81",
        b"/x?q=\xe5",
        b"/x?a=b;c|d^e`f\\g'h",
        b"/x?a=1#fragment",
    ],
)
def test_target_and_body_arrive_byte_for_byte(sim, target):
    body = b"a=%41&b=\xff\x00"
    reply = raw_http(
        sim,
        b"POST %b HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: k\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (target, len(body), body),
    )
    head, _, seen = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert bytes.fromhex(json.loads(seen)["target"]) == target
    assert bytes.fromhex(json.loads(seen)["body"]) == body
    assert json.loads(seen)["headers"]["x-mbx-apikey"] == "k"


def test_a_compressed_body_is_handed_on_as_it_is(sim):
    body = gzip.compress(b"a=1")
    headers = {"Content-Encoding": "gzip"}
    seen = requests.post(sim.rest_url + "/order", data=body, headers=headers, timeout=5).json()
    assert bytes.fromhex(seen["body"]) == body


def test_replies_are_dated_by_the_exchange_and_typed_as_binance_does(sim):
    reply = requests.get(sim.rest_url + "/x", timeout=5)
    assert reply.headers["Date"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "7"
    missing = requests.get(sim.rest_url + "/none", timeout=5)
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "text/plain")


def test_long_replies_are_compressed_for_whoever_accepts_it(sim):
    plain = requests.get(sim.rest_url + "/big", headers={"Accept-Encoding": ""}, timeout=5)
    packed = requests.get(sim.rest_url + "/big", timeout=5)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content
    short = requests.get(sim.rest_url + "/x", timeout=5)
    assert "Content-Encoding" not in short.headers
