import pytest

from bpx.errors import NotSent, OutcomeUnknown, ReadFailed, Redirected
from bpx.upstream.broken import Broken
from bpx.upstream.call import Call, Kind, Reply
from bpx.upstream.connection import Attempt
from bpx.upstream.second import second_wait_s

UNSENT = Broken(NotSent("refused"), Attempt("/"))
BUSY = Broken(NotSent("all connections are busy"), Attempt("/"), is_hosts=False)
LOST = Broken(ReadFailed("reset"), Attempt("/", was_sent=True))
UNKNOWN = Broken(OutcomeUnknown("reset"), Attempt("/", was_sent=True))
ELSEWHERE = Broken(Redirected("302"), Attempt("/", was_sent=True))
GOOD, GATEWAY, BUG = (Reply(status, (), b"") for status in (200, 502, 500))
AT_MS = 1_795_348_810_000


def call(kind: Kind, query: str = "") -> Call:
    return Call("GET", f"/x{query}", kind=kind)


@pytest.mark.parametrize("first", [UNSENT, LOST, GATEWAY])
def test_a_public_read_is_tried_again_in_a_moment(first):
    wait_s = second_wait_s(call(Kind.PUBLIC), first, 5.0, None)
    assert wait_s is not None
    assert 0.05 <= wait_s <= 0.25


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("first", [GOOD, BUG, BUSY, ELSEWHERE])
def test_nothing_is_tried_again_that_would_fare_the_same(kind, first):
    assert second_wait_s(call(kind), first, 0.0, None) is None


@pytest.mark.parametrize("kind", [Kind.ORDER, Kind.CANCEL, Kind.SIGNED])
@pytest.mark.parametrize("first", [UNKNOWN, GATEWAY])
def test_what_was_sent_is_never_sent_again(kind, first):
    assert second_wait_s(call(kind), first, 0.0, AT_MS) is None


@pytest.mark.parametrize(("waited_s", "wait_s"), [(0.0, 0.0), (0.99, 0.0), (1.0, None)])
@pytest.mark.parametrize("kind", [Kind.ORDER, Kind.CANCEL])
def test_an_order_that_did_not_go_connects_again_within_a_second(kind, waited_s, wait_s):
    assert second_wait_s(call(kind), UNSENT, waited_s, None) == wait_s


@pytest.mark.parametrize(("age_ms", "wait_s"), [(2499, 0.0), (2500, None)])
def test_a_signed_read_is_tried_again_while_more_than_half_of_its_window_is_left(age_ms, wait_s):
    signed = call(Kind.SIGNED, f"?timestamp={AT_MS - age_ms}&recvWindow=5000&signature=s")
    assert second_wait_s(signed, UNSENT, 0.0, AT_MS) == wait_s
