import gzip
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY

from bpx.errors import Banned, NotSent, OutcomeUnknown, OverShare, ReadFailed, Throttled
from bpx.upstream.call import Call, Headers, Kind
from bpx.upstream.headers import to_binance
from bpx.upstream.upstream import Upstream
from tests.upstream.conftest import MakeUpstream
from tests.upstream.times import StillTime
from tests.upstream.wire_server import Answer, Delivered, Then, WireServer, ok
from tests.waiting import eventually

UNKNOWN_SYMBOL = b'{"code":-1121,"msg":"Invalid symbol."}'
TRADE = [("POST", Kind.ORDER), ("PUT", Kind.ORDER), ("DELETE", Kind.CANCEL)]


def once_then(first: Answer, then: bytes) -> Callable[[Delivered], bytes | Answer]:
    """Answer the second request with `first`, and the others with `then`."""
    count = iter(range(1_000_000))
    return lambda request: first if next(count) == 1 else then


def test_method_target_headers_and_body_arrive_and_the_reply_comes_back(
    make_upstream: MakeUpstream,
):
    answer = ok(b'{"orderId":1}', "X-MBX-ORDER-COUNT-10S: 1\r\nServer: nginx\r\n", "201 Created")
    with WireServer(lambda request: answer) as server:
        reply = make_upstream(server.url).forward(
            Call("POST", "/api/v3/order?a=%41", (("X-MBX-APIKEY", "k"),), b"b=%e5", 1, Kind.ORDER)
        )
    assert (reply.status, reply.body) == (201, b'{"orderId":1}')
    assert reply.headers == (("Content-Type", "application/json"), ("X-MBX-ORDER-COUNT-10S", "1"))
    [delivered] = server.delivered
    assert delivered.line == b"POST /api/v3/order?a=%41 HTTP/1.1"
    assert (delivered.headers[b"x-mbx-apikey"], delivered.body) == (b"k", b"b=%e5")


def test_no_clients_address_is_ever_sent(make_upstream: MakeUpstream):
    """B36: a stock forwarder adds X-Forwarded-For by itself."""
    asked = [("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4"), ("Accept", "*/*")]
    with WireServer() as server:
        make_upstream(server.url).forward(Call("GET", "/x", to_binance(asked)))
    assert server.delivered[0].headers.keys() == {b"host", b"accept"}
    assert b"1.2.3.4" not in server.delivered[0].head


@pytest.mark.parametrize(("method", "kind"), TRADE)
@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET])
def test_an_order_is_delivered_once_whatever_happens_to_its_connection(
    make_upstream: MakeUpstream, method: str, kind: Kind, then: Then
):
    with WireServer() as server:
        upstream = make_upstream(server.url)
        server.answer = once_then(Answer(then=then), ok())
        for number in range(20):
            call = Call(method, f"/order?id={number}", kind=kind)
            try:
                upstream.forward(call)
            except OutcomeUnknown:
                assert number == 1
    targets = [request.target for request in server.delivered]
    assert targets == [b"/order?id=%d" % number for number in range(20)]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_nothing_is_sent_where_nobody_listens(make_upstream: MakeUpstream, method: str):
    with pytest.raises(NotSent) as caught:
        make_upstream("http://127.0.0.1:1").forward(Call(method, "/order", kind=Kind.ORDER))
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, -1001, "1")


def test_a_public_read_is_asked_again_when_its_reused_connection_was_dead(
    make_upstream: MakeUpstream,
):
    with WireServer() as server:
        upstream = make_upstream(server.url)
        server.answer = once_then(Answer(then=Then.RESET), ok())
        for _ in range(2):
            assert upstream.forward(Call("GET", "/x")).status == 200
        assert len(server.delivered) == 3


def test_a_public_read_is_asked_at_most_twice(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = make_upstream(server.url)
        upstream.forward(Call("GET", "/x"))
        server.answer = lambda request: Answer(then=Then.RESET)
        with pytest.raises(ReadFailed):
            upstream.forward(Call("GET", "/x"))
        assert len(server.delivered) == 3


@pytest.mark.parametrize("kind", [Kind.PUBLIC, Kind.SIGNED, Kind.ORDER, Kind.CANCEL])
@pytest.mark.parametrize("status", [400, 403, 404, 418, 429, 451, 500, 502, 503, 504])
def test_an_answer_is_passed_on_and_only_a_gateways_is_asked_for_again_by_a_public_read(
    make_upstream: MakeUpstream, status: int, kind: Kind
):
    with WireServer(lambda request: ok(b"[7]", status=f"{status} X")) as server:
        reply = make_upstream(server.url).forward(Call("GET", "/x", kind=kind))
    assert (reply.status, reply.body) == (status, b"[7]")
    again = kind is Kind.PUBLIC and status in (502, 503, 504)
    assert len(server.delivered) == (2 if again else 1)


def test_a_gateways_error_is_passed_on_if_the_second_try_breaks(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = make_upstream(server.url)
        answers = [ok(b"[8]", status="503 X"), Answer(then=Then.RESET)]
        server.answer = lambda request: answers.pop(0)
        assert upstream.forward(Call("GET", "/x")).body == b"[8]"
    assert not answers


def test_no_more_than_a_tenth_of_many_reads_is_asked_again(make_upstream: MakeUpstream):
    with WireServer(lambda request: ok(status="503 X")) as server:
        upstream = make_upstream(server.url, runtime=StillTime())
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda n: upstream.forward(Call("GET", f"/{n}")), range(100)))
    assert 100 < len(server.delivered) <= 110


def test_a_signed_read_is_never_asked_again(make_upstream: MakeUpstream):
    with WireServer() as server:
        upstream = make_upstream(server.url)
        server.answer = once_then(Answer(then=Then.RESET), ok())
        call = Call("GET", "/account?signature=a", kind=Kind.SIGNED)
        upstream.forward(call)
        with pytest.raises(OutcomeUnknown):
            upstream.forward(call)
        assert len(server.delivered) == 2


def test_after_a_429_not_one_request_goes_until_the_time_is_over(make_upstream: MakeUpstream):
    body = b'{"code":-1003,"msg":"Too many requests."}'
    time = StillTime()
    with WireServer() as server:
        upstream = make_upstream(server.url, runtime=time)
        server.answer = lambda request: ok(body, "Retry-After: 1\r\n", "429 Too Many Requests")
        reply = upstream.forward(Call("GET", "/x"))
        assert (reply.status, reply.body, reply.header("retry-after")) == (429, body, "1")
        for kind in Kind:
            with pytest.raises(Throttled, match="Too many requests") as caught:
                upstream.forward(Call("GET", "/x", kind=kind))
            assert caught.value.retry_after == "1"
        assert len(server.delivered) == 1
        server.answer = lambda request: ok()
        time.time += 1.0
        assert upstream.budget.hold_left_s() == 0
        assert upstream.forward(Call("GET", "/x")).status == 200


def test_a_ban_is_read_from_an_encoded_body_too(make_upstream: MakeUpstream):
    body = gzip.compress(b'{"code":-1003,"msg":"IP banned until 1795348899000."}')
    headers = "Content-Encoding: gzip\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
    with WireServer(lambda request: ok(body, headers, "418 Teapot")) as server:
        upstream = make_upstream(server.url, runtime=StillTime())
        assert upstream.forward(Call("GET", "/x")).body == body
        with pytest.raises(Banned, match=r"IP banned until 1795348899000\.") as caught:
            upstream.forward(Call("DELETE", "/x", kind=Kind.CANCEL))
    assert caught.value.retry_after == "99"


def test_the_used_weight_of_replies_slows_us_down(make_upstream: MakeUpstream):
    headers = "X-MBX-USED-WEIGHT-1M: 4200\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
    with WireServer(lambda request: ok(headers=headers)) as server:
        upstream = make_upstream(server.url, weight_per_minute=6000)
        upstream.forward(Call("GET", "/x"))
        with pytest.raises(Throttled):
            upstream.forward(Call("GET", "/x"))
        assert len(server.delivered) == 1


def slow(reply: bytes, answered: threading.Event) -> Callable[[Delivered], Answer]:
    return lambda request: Answer(reply, after=answered)


def joined() -> float:
    """Return how many came to what was asked already."""
    return REGISTRY.get_sample_value("bpx_upstream_shared_total", {"market": "spot"}) or 0.0


def test_equal_questions_at_one_moment_are_one_call(make_upstream: MakeUpstream):
    """B33: ten equal uncached requests were ten calls."""
    answered, before = threading.Event(), joined()
    with WireServer(slow(ok(b"[1]"), answered)) as server:
        upstream = make_upstream(server.url)
        with ThreadPoolExecutor(50) as pool:
            replies = [pool.submit(upstream.share, Call("GET", "/x?a=1")) for _ in range(50)]
            eventually(lambda: joined() == before + 49)
            eventually(lambda: len(server.delivered) == 1)
            answered.set()
            assert {reply.result(20).body for reply in replies} == {b"[1]"}
    assert len(server.delivered) == 1


def test_the_failure_of_a_shared_call_is_everybodys(make_upstream: MakeUpstream):
    answered, before = threading.Event(), joined()
    with WireServer(lambda request: Answer(then=Then.RESET, after=answered)) as server:
        upstream = make_upstream(server.url)
        with ThreadPoolExecutor(10) as pool:
            replies = [pool.submit(upstream.share, Call("GET", "/x")) for _ in range(10)]
            eventually(lambda: joined() == before + 9)
            eventually(lambda: len(server.delivered) == 1)
            answered.set()
            assert all(isinstance(reply.exception(20), ReadFailed) for reply in replies)


@pytest.mark.parametrize(
    ("headers", "target", "is_shared"),
    [
        ((), "/x?a=1&b=2", True),
        ((("User-Agent", "other"),), "/x?a=1&b=2", True),
        ((), "/x?b=2&a=1", False),
        ((), "/x?a=%31&b=2", False),
        ((("X-MBX-TIME-UNIT", "MICROSECOND"),), "/x?a=1&b=2", False),
        ((("X-MBX-APIKEY", "k"),), "/x?a=1&b=2", False),
        ((("Accept-Encoding", "gzip"),), "/x?a=1&b=2", False),
    ],
)
def test_a_400_is_kept_for_those_who_ask_exactly_the_same(
    make_upstream: MakeUpstream, headers: Headers, target: str, is_shared: bool
):
    with WireServer(lambda request: ok(UNKNOWN_SYMBOL, status="400 Bad Request")) as server:
        upstream = make_upstream(server.url)
        first = upstream.share(Call("GET", "/x?a=1&b=2"))
        again = upstream.share(Call("GET", target, headers))
    assert (again.status, again.body) == (400, UNKNOWN_SYMBOL)
    assert first.kept_at is None
    assert (again.kept_at is not None) is is_shared
    assert len(server.delivered) == (1 if is_shared else 2)


def test_a_kept_400_does_not_repeat_the_weight_of_its_time(make_upstream: MakeUpstream):
    headers = "X-MBX-USED-WEIGHT-1M: 9\r\nX-MBX-UUID: u\r\n"
    with WireServer(lambda request: ok(UNKNOWN_SYMBOL, headers, "400 Bad Request")) as server:
        upstream = make_upstream(server.url)
        names = [[name for name, _ in upstream.share(Call("GET", "/x")).headers] for _ in range(2)]
    assert names[0] == ["Content-Type", "X-MBX-USED-WEIGHT-1M", "X-MBX-UUID"]
    assert names[1] == ["Content-Type", "X-MBX-UUID"]


@pytest.mark.parametrize(
    ("status", "body"),
    [("200 OK", b"[]"), ("404 None", b"{}"), ("500 X", b"{}"), ("400 Bad", b"<html>")],
)
def test_nothing_else_is_kept(make_upstream: MakeUpstream, status: str, body: bytes):
    with WireServer(lambda request: ok(body, status=status)) as server:
        upstream = make_upstream(server.url)
        for _ in range(2):
            assert upstream.share(Call("GET", "/x")).kept_at is None
    assert len(server.delivered) == 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b'{"a":1}', ""), (gzip.compress(b'{"a":1}', mtime=0), "Content-Encoding: gzip\r\n")],
)
def test_what_we_fetch_is_decoded_and_proven_to_be_json(
    make_upstream: MakeUpstream, body: bytes, headers: str
):
    with WireServer(lambda request: ok(body, headers)) as server:
        reply = make_upstream(server.url).fetch("/x?a=1", 1)
    assert (reply.status, reply.body) == (200, b'{"a":1}')
    assert reply.header("Content-Encoding") is None
    assert server.delivered[0].line == b"GET /x?a=1 HTTP/1.1"
    assert server.delivered[0].headers[b"accept-encoding"] == b"gzip"


def test_what_we_fetch_for_a_client_is_of_its_part(make_upstream: MakeUpstream):
    headers = "X-MBX-USED-WEIGHT-1M: 0\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
    with WireServer(lambda request: ok(headers=headers)) as server:
        upstream = make_upstream(server.url, weight_per_minute=1000, runtime=StillTime())
        upstream.forward(Call("GET", "/x", client="10.0.0.2"))
        for number in range(7):
            upstream.fetch(f"/{number}", 50, Kind.PUBLIC, client="10.0.0.1")
        with pytest.raises(OverShare):
            upstream.fetch("/x", 50, Kind.PUBLIC, client="10.0.0.1")
        upstream.fetch("/x", 50, Kind.PUBLIC, client="10.0.0.2")


def test_what_we_fetch_may_be_refused_in_binances_words(make_upstream: MakeUpstream):
    with WireServer(lambda request: ok(UNKNOWN_SYMBOL, status="400 Bad Request")) as server:
        reply = make_upstream(server.url).fetch("/x", 1, Kind.PUBLIC)
    assert (reply.status, reply.body) == (400, UNKNOWN_SYMBOL)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("200 OK", b"[[1,2],[3", ReadFailed),
        ("200 OK", b"<html>", ReadFailed),
        ("200 OK", b"", ReadFailed),
        ("403 WAF", b"<html>", ReadFailed),
        ("500 X", b"{}", ReadFailed),
        ("503 X", UNKNOWN_SYMBOL, ReadFailed),
        ("429 X", b'{"code":-1003,"msg":"x"}', Throttled),
        ("418 X", b"<html>", Banned),
    ],
)
def test_what_we_fetch_is_never_an_error_taken_for_data(
    make_upstream: MakeUpstream, status: str, body: bytes, error: type[Exception]
):
    with WireServer(lambda request: ok(body, status=status)) as server:
        upstream = make_upstream(server.url)
        with pytest.raises(error):
            upstream.fetch("/x", 1)


def test_what_is_too_large_to_be_kept_in_memory_is_neither_shared_nor_fetched(
    make_upstream: MakeUpstream,
):
    with WireServer(lambda request: ok(bytes(33 << 20))) as server:
        upstream = make_upstream(server.url)
        for ask in (lambda: upstream.share(Call("GET", "/x")), lambda: upstream.fetch("/x", 1)):
            with pytest.raises(ReadFailed):
                ask()


def test_a_ban_whose_body_is_broken_is_a_ban(make_upstream: MakeUpstream):
    with WireServer(lambda request: ok(b"<html>" * 20_000, status="418 Teapot")) as server:
        upstream = make_upstream(server.url, runtime=StillTime())
        assert upstream.forward(Call("GET", "/x")).status == 418
        with pytest.raises(Banned) as caught:
            upstream.forward(Call("GET", "/x"))
    assert caught.value.retry_after == "120"


def test_a_full_pool_of_market_data_does_not_keep_orders_back(make_upstream: MakeUpstream):
    answered = threading.Event()

    def answer(request: Delivered) -> bytes | Answer:
        return ok() if request.method == b"POST" else Answer(ok(), after=answered)

    with WireServer(answer) as server:
        upstream = make_upstream(server.url)
        with ThreadPoolExecutor(110) as pool:
            reads = [pool.submit(upstream.forward, Call("GET", f"/{n}")) for n in range(110)]
            eventually(lambda: sum(read.done() for read in reads) == 10)
            assert all(isinstance(read.exception(), NotSent) for read in reads if read.done())
            assert upstream.forward(Call("POST", "/order", kind=Kind.ORDER)).status == 200
            answered.set()
        assert sum(read.exception() is None for read in reads) == 100


def test_calls_are_counted_by_what_became_of_them(make_upstream: MakeUpstream):
    def counted(outcome: str) -> float:
        labels = {"market": "spot", "kind": "order", "outcome": outcome}
        return REGISTRY.get_sample_value("bpx_upstream_calls_total", labels) or 0.0

    before = counted("4xx"), counted("OutcomeUnknown")
    with WireServer(lambda request: ok(status="400 Bad Request")) as server:
        upstream: Upstream = make_upstream(server.url)
        upstream.forward(Call("POST", "/x", kind=Kind.ORDER))
        server.answer = lambda request: Answer(then=Then.CLOSE)
        with pytest.raises(OutcomeUnknown):
            upstream.forward(Call("POST", "/x", kind=Kind.ORDER))
    assert (counted("4xx"), counted("OutcomeUnknown")) == (before[0] + 1, before[1] + 1)
