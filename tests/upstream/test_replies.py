import gzip

import pytest

from bpx.upstream.call import Call, Headers, Kind, Reply
from bpx.upstream.replies import Replies

TICKERS = Call("GET", "/api/v3/ticker/price", keep_s=1.0)
LARGE = b"[" + b",".join(b'{"symbol":"S%d","price":"1.0"}' % n for n in range(2000)) + b"]"


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def replies(now: list[float]) -> Replies:
    return Replies(lambda: now[0], lambda compute, size_bytes: compute())


def reply(body: bytes = b"[1]", status: int = 200, headers: Headers = ()) -> Reply:
    is_packed = ("Content-Encoding", "gzip") in headers
    decoded = gzip.decompress(body) if is_packed else body
    return Reply(status, headers, body, decoded)


def test_a_reply_is_kept_as_long_as_its_row_says(replies: Replies, now: list[float]):
    replies.keep("q", TICKERS, reply())
    now[0] = 100.9
    kept = replies.read("q")
    assert kept is not None
    assert (kept.body, kept.kept_at) == (b"[1]", 100.0)
    assert replies.read("another") is None
    now[0] = 101.0
    assert replies.read("q") is None


def test_a_400_is_kept_for_five_seconds(replies: Replies, now: list[float]):
    replies.keep("q", Call("GET", "/x"), reply(b"{}", 400))
    now[0] = 104.9
    assert replies.read("q") is not None
    now[0] = 105.0
    assert replies.read("q") is None


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_large_body_comes_back_as_it_was(replies: Replies, encoding: str | None):
    body = LARGE if encoding is None else gzip.compress(LARGE)
    headers = () if encoding is None else (("Content-Encoding", encoding),)
    replies.keep("q", TICKERS, reply(body, headers=headers))
    kept = replies.read("q")
    assert kept is not None
    assert (kept.body, kept.headers) == (body, headers)


def test_a_large_body_is_kept_compressed(replies: Replies):
    replies.keep("q", TICKERS, reply(LARGE))
    assert replies.size_bytes < len(LARGE) / 4


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (TICKERS, reply(b"[1,2],[3")),
        (TICKERS, reply(b"<html>")),
        (TICKERS, reply(b"")),
        (TICKERS, reply(status=201)),
        (TICKERS, reply(status=404)),
        (TICKERS, reply(status=429)),
        (TICKERS, reply(status=500)),
        (Call("GET", "/x"), reply()),
        (Call("HEAD", "/x", keep_s=1.0), reply(b"")),
        (Call("GET", "/x?signature=a", kind=Kind.SIGNED, keep_s=1.0), reply()),
        (Call("POST", "/x", kind=Kind.ORDER, keep_s=1.0), reply(status=400)),
        (Call("GET", "/x"), reply(b'"%s"' % (b"x" * (64 << 10)), 400)),
    ],
)
def test_nothing_is_kept_that_is_not_whole_and_public_and_to_be_kept(
    replies: Replies, call: Call, answer: Reply
):
    replies.keep("q", call, answer)
    assert replies.read("q") is None


def test_a_kept_reply_does_not_repeat_the_weight_of_its_time(replies: Replies):
    replies.keep("q", TICKERS, reply(headers=(("X-MBX-USED-WEIGHT-1M", "9"), ("Date", "now"))))
    kept = replies.read("q")
    assert kept is not None
    assert kept.headers == (("Date", "now"),)


@pytest.mark.parametrize("body", [b"{}", b" { }", b'{"code":-1003,"msg":"x"}', b'{"msg":"x"}'])
def test_an_error_that_comes_with_200_is_not_kept(replies: Replies, body: bytes):
    replies.keep("q", TICKERS, reply(body))
    assert replies.read("q") is None
