import pytest

from tests.proxy import Proxy
from tests.server.raw import connected, exchange, read_to_end, refusal

TOO_LARGE = (413, {"code": -1100, "msg": "Request body is over 65536 bytes."})


def post(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"POST /echo HTTP/1.1", b"Connection: close", *headers, b"", body])


def test_a_body_of_64_kb_arrives_byte_for_byte(impatient: Proxy) -> None:
    body = bytes(range(256)) * 256
    assert exchange(impatient, post(body, b"Content-Length: 65536")).endswith(b"\r\n\r\n" + body)


def test_a_chunked_body_arrives_without_its_chunks(impatient: Proxy) -> None:
    chunked = b"3\r\none\r\n3;a=b\r\ntwo\r\n0\r\n\r\n"
    answer = exchange(impatient, post(chunked, b"Transfer-Encoding: chunked"))
    assert answer.endswith(b"\r\n\r\nonetwo")


@pytest.mark.parametrize("length", [65_537, 10_000_000, 1_000_000_000, 10**30])
def test_a_longer_body_is_refused_by_its_length_alone(impatient: Proxy, length: int) -> None:
    answer = exchange(impatient, post(b"", b"Content-Length: %d" % length))
    assert refusal(answer) == TOO_LARGE


def test_a_longer_body_is_refused_though_all_of_it_is_sent(impatient: Proxy) -> None:
    answer = exchange(impatient, post(b"x" * 3_000_000, b"Content-Length: 3000000"))
    assert refusal(answer) == TOO_LARGE


def test_a_chunked_body_is_refused_as_soon_as_it_is_longer(impatient: Proxy) -> None:
    endless = b"10001\r\n" + b"x" * 0x10001 + b"\r\n"
    answer = exchange(impatient, post(endless, b"Transfer-Encoding: chunked"))
    assert refusal(answer) == TOO_LARGE


def test_a_client_that_asks_first_is_not_told_to_send_a_body_that_is_too_long(
    impatient: Proxy,
) -> None:
    asking = post(b"", b"Content-Length: 1000000000", b"Expect: 100-continue")
    assert refusal(exchange(impatient, asking)) == TOO_LARGE


def test_a_client_that_asks_first_is_told_to_go_on(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(post(b"", b"Content-Length: 5", b"Expect: 100-continue"))
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hello")
        assert read_to_end(client).endswith(b"\r\n\r\nhello")


def test_half_a_body_is_no_request(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(post(b"hel", b"Content-Length: 5"))
        client.shutdown(1)  # it will send no more
        assert read_to_end(client) == b""
