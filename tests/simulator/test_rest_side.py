"""What REST answers, and the faults that can happen to it."""

import json

import pytest
import requests

from bpx.simulator.faults import Ending, RestFault


def test_rest_answers_as_of_the_clock_and_can_be_asked_as_of_earlier(sim):
    sim.step(1_234)
    assert requests.get(sim.rest_url + "/x", timeout=5).json()["now_ms"] == 1_001_234
    assert json.loads(sim.reply("GET", "/x").body)["now_ms"] == 1_001_234
    assert json.loads(sim.reply("GET", "/x", as_of_ms=1_000_500).body)["now_ms"] == 1_000_500


def test_requests_are_remembered_until_they_are_cleared(sim):
    requests.get(sim.rest_url + "/x?a=%2F", headers={"X-Test": "1"}, timeout=5)
    asked = sim.requests[-1]
    assert (asked.method, asked.target, asked.status) == ("GET", "/x?a=%2F", 200)
    assert (asked.headers["x-test"], asked.client, asked.at_ms) == ("1", "127.0.0.1", 1_000_000)
    sim.requests.clear()
    assert list(sim.requests) == []


def test_rest_can_be_made_to_say_anything(sim):
    banned = RestFault("/x", status=418, body=b'{"code":-1003}', headers={"Retry-After": "9"})
    sim.faults.break_rest(banned, times=1)
    reply = requests.get(sim.rest_url + "/x", timeout=5)
    assert (reply.status_code, reply.headers["Retry-After"]) == (418, "9")
    assert requests.get(sim.rest_url + "/x", timeout=5).status_code == 200
    assert [row.status for row in sim.requests] == [418, 200]


def test_a_reply_can_be_lost_after_the_order_was_carried_out_or_before(sim):
    for is_delivered, orders in ((True, 1), (False, 1)):
        lost = RestFault("/order", ending=Ending.CLOSE, is_delivered=is_delivered)
        sim.faults.break_rest(lost, times=1)
        with pytest.raises(requests.ConnectionError):
            requests.post(sim.rest_url + "/order", data=b"a=1", timeout=5)
        assert len(sim.venue.orders) == orders
    assert [row.status for row in sim.requests] == [None, None]


def test_a_reply_can_stall_or_break_in_the_middle(sim):
    sim.faults.break_rest(RestFault("/x", ending=Ending.STALL), times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.get(sim.rest_url + "/x", timeout=(5, 0.5))
    sim.faults.break_rest(RestFault("/big", ending=Ending.HALF), times=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        requests.get(sim.rest_url + "/big", headers={"Accept-Encoding": ""}, timeout=5)


def test_a_reply_can_be_late(sim):
    sim.faults.break_rest(RestFault("/x", delay_s=0.2), times=1)
    assert requests.get(sim.rest_url + "/x", timeout=5).elapsed.total_seconds() >= 0.2
