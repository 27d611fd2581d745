import pytest

from tests.proxy import Proxy
from tests.server.raw import exchange, refusal
from tests.waiting import eventually

CANARY = b"canary0canary"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /?signature=%b\r\n\r\n" % CANARY, 400),
        (b"GET /\xc3\xa4?signature=%b HTTP/1.1\r\n\r\n" % CANARY, 400),
        (b"GET / HTTP/1.1\r\nX-MBX-APIKEY: %b\x01\r\n\r\n" % CANARY, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: %b\r\n\r\n" % CANARY, 400),
        (b"GET /?symbols=%b HTTP/1.1\r\n\r\n" % (CANARY * 700), 414),
        (b"GET / HTTP/1.1\r\nX-Long: %b\r\n\r\n" % (CANARY * 700), 431),
        (b"GET / HTTP/1.1\r\n" + b"X-Many: canary0canary\r\n" * 101 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: %b\r\n\r\n" % CANARY, 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\n" % CANARY, 400),
    ],
)
def test_what_is_no_request_is_refused_as_json_and_not_repeated(
    impatient: Proxy, request_bytes: bytes, status: int
) -> None:
    answer = exchange(impatient, request_bytes)
    seen, body = refusal(answer)
    assert (seen, body["code"]) == (status, -1100)
    assert CANARY not in answer
    assert CANARY.decode() not in impatient.log()


@pytest.mark.parametrize("method", [b"get", b"GeT", b"X" * 30])
def test_a_method_that_is_none_is_not_implemented(impatient: Proxy, method: bytes) -> None:
    answer = exchange(impatient, b"%b /?signature=%b HTTP/1.1\r\n\r\n" % (method, CANARY))
    assert refusal(answer) == (501, {"code": -1020, "msg": "Method Not Implemented"})
    assert CANARY not in answer


def test_a_request_line_of_8_kb_is_served(impatient: Proxy) -> None:
    target = b"/" + b"a" * 8100
    asked = b"GET %b HTTP/1.1\r\nConnection: close\r\n\r\n" % target
    assert exchange(impatient, asked).endswith(b"\r\n\r\n" + target)


def test_a_bug_is_a_500_as_json_and_its_traceback_is_in_the_log_without_secrets(
    impatient: Proxy,
) -> None:
    answer = exchange(impatient, b"GET /raises HTTP/1.1\r\n\r\n")
    assert refusal(answer) == (
        500,
        {"code": -1000, "msg": "An unknown error occurred while processing the request."},
    )
    eventually(lambda: "RuntimeError: GET /api/v3/order?*** failed" in impatient.log())
    assert CANARY.decode() not in impatient.log()
