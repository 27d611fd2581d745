import http.client
import io

import pytest

from bpx.upstream.heads import INTERIM, LINES, StrictResponse

OK = b"HTTP/1.1 200 OK\r\n"


class Socket:
    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)


def begun(received: bytes, method: str = "GET") -> StrictResponse:
    response = StrictResponse(Socket(received), method=method)  # type: ignore[arg-type]
    response.begin()
    return response


def test_names_and_values_come_as_they_are_but_for_the_space_around_a_value():
    response = begun(OK + b'X-A:  one two \r\nx-a:2\r\nETag:\t"q"\r\nEmpty:\r\n\r\n')
    assert response.msg.items() == [
        ("X-A", "one two"), ("x-a", "2"), ("ETag", '"q"'), ("Empty", "")
    ]  # fmt: skip
    assert (response.status, response.reason, response.version) == (200, "OK", 11)


def test_lines_may_end_without_a_cr_as_http_client_takes_them():
    assert begun(b"HTTP/1.1 404\nX-A: 1\n\n").msg.items() == [("X-A", "1")]


def test_a_line_that_goes_on_in_the_next_becomes_one():
    assert begun(OK + b"X-A: one\r\n\t two\r\n  three\r\n\r\n").msg["x-a"] == "one two three"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\n\r\n",
        b"",
        OK,
        OK + b"X-A: 1\r\n",  # nothing tells that this is all
        OK + b"X-A: 1",
        OK + b"X-A\r\n\r\n",
        OK + b"X-A : 1\r\n\r\n",
        OK + b" X-A: 1\r\n\r\n",
        OK + b": 1\r\n\r\n",
        OK + b"X A: 1\r\n\r\n",
        OK + b"X-A: 1\rX-B: 2\r\n\r\n",
        OK + b"X-A: 1\0\r\n\r\n",
        OK + b"Content-Length: two\r\n\r\n",
        OK + b"Content-Length: -2\r\n\r\n",
        OK + b"Content-Length: +2\r\n\r\n",
        OK + b"Content-Length: 2 3\r\n\r\n",
        OK + b"Content-Length:\r\n\r\n",
        OK + "Content-Length: ²\r\n\r\n".encode("latin-1"),
        OK + b"X-A: 1\r\n" * (LINES + 1) + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (INTERIM + 1) + OK + b"\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: x\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: xchunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(head: bytes):
    with pytest.raises(http.client.HTTPException):
        begun(head)


def test_interim_replies_are_read_over():
    interim = b"HTTP/1.1 100 Continue\r\nX-A: 0\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert begun(interim + OK + b"X-A: 1\r\n\r\n").msg.items() == [("X-A", "1")]


@pytest.mark.parametrize(
    ("head", "method", "length", "is_chunked", "will_close"),
    [
        (OK + b"Content-Length: 5\r\n\r\n", "GET", 5, False, False),
        (OK + b"Content-Length: 5\r\nConnection: close\r\n\r\n", "GET", 5, False, True),
        (OK + b"Content-Length: 5\r\n\r\n", "HEAD", 0, False, False),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\n", "GET", None, True, False),
        (OK + b"\r\n", "GET", None, False, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", 5, False, True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\n", "GET", 5, False,
         False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 0, False, False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 0, False, False),
    ],
)  # fmt: skip
def test_the_end_of_a_body_is_where_http_client_finds_it(
    head: bytes, method: str, length: int | None, is_chunked: bool, will_close: bool
):
    usual = http.client.HTTPResponse(Socket(head), method=method)  # type: ignore[arg-type]
    usual.begin()
    for response in (begun(head, method), usual):
        found = response.length, response.chunked, response.will_close
        assert found == (length, is_chunked, will_close)


def test_behind_chunks_that_had_a_length_too_nothing_is_trusted():
    response = begun(OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n")
    assert (response.length, response.chunked, response.will_close) == (None, True, True)


@pytest.mark.parametrize("status", [204, 304])
def test_what_has_no_body_has_no_chunks_either(status: int):
    response = begun(b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
    assert (response.length, response.chunked, response.will_close) == (0, False, False)
    assert response.msg["transfer-encoding"] is None
