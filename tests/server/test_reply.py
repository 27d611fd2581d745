from tests.proxy import Proxy
from tests.server.raw import connected, exchange


def ask(proxy: Proxy, path: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    line = b"%b %b HTTP/%b\r\nConnection: close\r\n\r\n"
    return exchange(proxy, line % (method, path, version))


def test_the_application_s_own_date_is_kept(impatient: Proxy) -> None:
    head = ask(impatient, b"/dated").partition(b"\r\n\r\n")[0]
    assert head.count(b"Date: ") == 1
    assert b"Date: Thu, 01 Jan 1970 00:00:00 GMT" in head


def test_the_server_tells_neither_its_kind_nor_its_version(impatient: Proxy) -> None:
    assert b"\r\nServer: bpx\r\n" in ask(impatient, b"/anything")


def test_an_answer_of_unknown_length_comes_in_chunks(impatient: Proxy) -> None:
    answer = ask(impatient, b"/streamed")
    assert b"Transfer-Encoding: chunked" in answer
    assert answer.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_an_old_client_gets_no_chunks(impatient: Proxy) -> None:
    assert ask(impatient, b"/streamed", version=b"1.0").endswith(b"\r\n\r\nonetwo")


def test_head_has_the_headers_and_no_body(impatient: Proxy) -> None:
    answer = ask(impatient, b"/anything", method=b"HEAD")
    assert b"Content-Length: 9" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_an_answer_that_breaks_is_never_ended_cleanly(impatient: Proxy) -> None:
    with connected(impatient) as client:
        client.sendall(b"GET /breaks HTTP/1.1\r\n\r\n")
        received = b""
        try:
            while chunk := client.recv(65536):
                received += chunk
        except ConnectionResetError:
            received += b"<reset>"
    assert b"0\r\n\r\n" not in received
    assert received.endswith(b"<reset>")
