import pytest

from bpx.upstream.call import (
    Call,
    Kind,
    Reply,
    kind_of,
    patience_s,
    recv_window_ms,
    window_left_ms,
)


@pytest.mark.parametrize(
    ("method", "query", "body", "kind"),
    [
        ("GET", "symbol=BTCUSDT", b"", Kind.PUBLIC),
        ("HEAD", "", b"", Kind.PUBLIC),
        ("GET", "timestamp=1&signature=ab", b"", Kind.SIGNED),
        ("GET", "signature=", b"", Kind.SIGNED),
        ("GET", "%73ignature=ab", b"", Kind.SIGNED),
        ("GET", "", b"timestamp=1&signature=ab", Kind.SIGNED),
        ("GET", "symbol=signature", b"", Kind.PUBLIC),
        ("POST", "symbol=BTCUSDT&signature=ab", b"", Kind.ORDER),
        ("POST", "", b"", Kind.ORDER),
        ("PUT", "", b"", Kind.ORDER),
        ("PATCH", "", b"", Kind.ORDER),
        ("GeT", "", b"", Kind.ORDER),
        ("DELETE", "", b"signature=ab", Kind.CANCEL),
    ],
)
def test_what_a_request_is_for(method: str, query: str, body: bytes, kind: Kind):
    assert kind_of(method, query, body) is kind


def test_each_kind_may_spend_more_than_the_one_below_it():
    kinds = (Kind.CANCEL, Kind.ORDER, Kind.SIGNED, Kind.PUBLIC, Kind.BACKGROUND)
    assert [kind.share for kind in kinds] == [1.0, 0.95, 0.85, 0.7, 0.5]


def test_only_market_data_shares_its_connections():
    pools = {kind.name: kind.pool for kind in Kind}
    assert pools == {
        "CANCEL": "trade",
        "ORDER": "trade",
        "SIGNED": "signed",
        "PUBLIC": "public",
        "BACKGROUND": "public",
        "PROBE": "probe",
    }


@pytest.mark.parametrize(
    ("target", "body", "window_ms"),
    [
        ("/api/v3/account?timestamp=1", b"", 5000),
        ("/api/v3/account?recvWindow=1000&timestamp=1", b"", 1000),
        ("/api/v3/account?recvWindow=999.5", b"", 999.5),
        ("/api/v3/account", b"recvWindow=60000", 60000),
        ("/api/v3/account?recvWindow=", b"", 5000),
        ("/api/v3/account?recvWindow=-1", b"", 5000),
        ("/api/v3/account?recvWindow=%B2", b"", 5000),
        ("/api/v3/account?recvWindow=1.2.3", b"", 5000),
    ],
)
def test_the_window_of_a_signed_call(target: str, body: bytes, window_ms: float):
    assert recv_window_ms(Call("GET", target, body=body)) == window_ms


@pytest.mark.parametrize(
    ("target", "at_ms", "waited_s", "left_ms"),
    [
        ("/x?timestamp=10000", 12_000, 1.0, 3000),
        ("/x?timestamp=10000&recvWindow=1000", 10_400, 9.0, 600),
        ("/x?timestamp=1700000000000000", 1_700_000_001_000, 0.0, 4000),
        ("/x?timestamp=10000", None, 1.5, 3500),
        ("/x", 12_000, 1.5, 3500),
    ],
)
def test_how_much_longer_a_signed_call_is_good(
    target: str, at_ms: int | None, waited_s: float, left_ms: float
):
    assert window_left_ms(Call("GET", target), at_ms, waited_s) == left_ms


@pytest.mark.parametrize(
    ("target", "wait_s"),
    [("/x?recvWindow=60000", 0.6), ("/x", 0.6), ("/x?recvWindow=1000", 0.25)],
)
def test_a_signed_call_waits_for_a_quarter_of_its_window_at_most(target: str, wait_s: float):
    assert patience_s(Call("GET", target, kind=Kind.SIGNED)) == wait_s
    assert patience_s(Call("GET", target)) == Kind.PUBLIC.wait_s


def test_a_header_is_found_in_any_case():
    reply = Reply(200, (("Retry-After", "3"),), b"")
    assert reply.header("retry-after") == "3"
    assert reply.header("Date") is None
