"""Requests as bytes: what is none, what is one, and what two servers may read differently.

The rules are RFC 9112 (HTTP/1.1: sections 2.2, 3, 5, 6, 7) and RFC 9110 (5.5, 5.6.2, 10.1.1).
"""

CANARY_TARGET = b"/api/v3/canary"
CANARY = b"GET %b HTTP/1.1\r\nHost: canary\r\n\r\n" % CANARY_TARGET
TARGET = b"/api/v3/depth?symbol=ABC"


def lines(*parts: bytes) -> bytes:
    """Return a head of these lines."""
    return b"\r\n".join([*parts, b"", b""])


def get(*headers: bytes) -> bytes:
    """Return a GET with these headers."""
    return lines(b"GET %b HTTP/1.1" % TARGET, *headers)


def post(*headers: bytes, body: bytes = b"") -> bytes:
    """Return a POST with these headers, and these bytes after them."""
    return lines(b"POST /api/v3/order HTTP/1.1", b"Host: a", *headers) + body


def chunked(body: bytes, *headers: bytes) -> bytes:
    """Return a POST with a body in chunks, written as it is given."""
    return post(b"Transfer-Encoding: chunked", *headers, body=body)


def aimed(target: bytes, method: bytes = b"GET") -> bytes:
    """Return a request for any target."""
    return lines(b"%b %b HTTP/1.1" % (method, target), b"Host: a")


INVALID = [
    # The request line
    lines(b"GET"),
    lines(b"GET /"),
    lines(b"GET  / HTTP/1.1"),
    lines(b"GET /  HTTP/1.1"),
    lines(b"GET / HTTP/1.1 "),
    lines(b" GET / HTTP/1.1"),
    lines(b"GET\t/\tHTTP/1.1"),
    lines(b"GET /a b HTTP/1.1"),
    lines(b"GET / HTTP/1.1 HTTP/1.1"),
    lines(b"GET / http/1.1"),
    lines(b"GET / HTTP/1"),
    lines(b"GET / HTTP/1.1.1"),
    lines(b"GET / HTTP/11"),
    lines(b"GET / HTTP/1.10"),
    lines(b"GET / HTTP/0.9"),
    lines(b"GET / HTTP/2.0"),
    lines(b"GET / HTTP/3.0"),
    lines(b"GET / HTTP/x.y"),
    lines(b"GET / HTTP /1.1"),
    lines(b"GET / FTP/1.1"),
    lines(b"GET / HTTP/1.1\x0b"),
    lines(b"G\x00T / HTTP/1.1"),
    lines(b"G T / HTTP/1.1"),
    lines(b"GET: / HTTP/1.1"),
    lines(b"G@T / HTTP/1.1"),
    lines(b"(GET) / HTTP/1.1"),
    lines(b"G\xc3\x89T / HTTP/1.1"),
    lines(b"GET \x00/ HTTP/1.1"),
    lines(b"GET /\x01 HTTP/1.1"),
    lines(b"GET /\x7f HTTP/1.1"),
    lines(b"GET /\xff HTTP/1.1"),
    lines("GET /?symbol=币 HTTP/1.1".encode()),
    lines(b"GET a HTTP/1.1"),
    lines(b"GET ?a=b HTTP/1.1"),
    lines(b"GET * HTTP/1.1"),
    lines(b"GET a:443 HTTP/1.1"),
    lines(b"GET http://[::1 HTTP/1.1"),
    b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"\nGET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\n\r\n",
    # The headers
    get(b"A"),
    get(b": a"),
    get(b" A: b"),
    get(b"\tA: b"),
    get(b"A : b"),
    get(b"A\t: b"),
    get(b"A B: c"),
    get(b"A(b): c"),
    get(b"A/b: c"),
    get(b"A\x00: b"),
    get(b"A\xe9: b"),
    get(b"A_B: c"),
    get(b"X_MBX_APIKEY: c"),
    get(b"Content_Length: 5"),
    get(b"A: b", b" c"),
    get(b"A: b", b"\tc"),
    get(b"A: b", b" ", b"C: d"),
    get(b"A: b\x00c"),
    get(b"A: b\x0bc"),
    get(b"A: b\x7f"),
    get(b"A: b\rB: c"),
    get(b"A: b\x1b[31m"),
    get(b"Host: a", b"Host: b"),
    get(b"Content-Type: a", b"Content-Type: b"),
    get(b"Expect: 200-ok"),
    get(b"Expect: 100-continue, x"),
    # The length of a body
    post(b"Content-Length: +5", body=b"hello"),
    post(b"Content-Length: -5", body=b"hello"),
    post(b"Content-Length: 0x5", body=b"hello"),
    post(b"Content-Length: 5.0", body=b"hello"),
    post(b"Content-Length: 5 5", body=b"hello"),
    post(b"Content-Length: 5,5", body=b"hello"),
    post(b"Content-Length: five", body=b"hello"),
    post(b"Content-Length:", body=b"hello"),
    post(b"Content-Length: \xb2", body=b"he"),
    post(b"Content-Length: \xbd"),
    post(b"Content-Length: 1e1", body=b"0123456789"),
    post(b"Content-Length: " + b"9" * 5_000),
    post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello"),
    # Chunks
    chunked(b"x\r\nhello\r\n0\r\n\r\n"),
    chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
    chunked(b"\r\nhello\r\n0\r\n\r\n"),
    chunked(b";a=b\r\nhello\r\n0\r\n\r\n"),
    chunked(b"5\r\nhelloo\r\n0\r\n\r\n"),
    chunked(b"5\r\nhello0\r\n\r\n"),
    chunked(b"5\r\nhello\n0\r\n\r\n"),
    chunked(b"5\nhello\r\n0\r\n\r\n"),
    chunked(b"5;\x00\r\nhello\r\n0\r\n\r\n"),
    chunked(b"5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    chunked(b"5_0\r\nhello\r\n0\r\n\r\n"),
    chunked(b"\xb2\r\nhe\r\n0\r\n\r\n"),
    chunked(b"0\r\nA: b\x00\r\n\r\n"),
    chunked(b"0\r\n A: b\r\n\r\n"),
    chunked(b"0\r\nA\r\n\r\n"),
]  # fmt: skip

# A body, or a half of it, that is a request to whoever reads the frame differently.
SMUGGLED = [
    post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nX"),
    post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"1e\r\n" + CANARY),
    post(b"Content-Length: %d" % len(CANARY), b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
    *(
        post(name + value, b"Content-Length: 5", body=b"0\r\n\r\n")
        for name in (b"Transfer-Encoding: ", b"transfer-encoding:")
        for value in (b"xchunked", b"chunked, identity", b"chunkedx", b'"chunked"', b"chunked;q=1")
    ),
    *(
        post(header, body=b"0\r\n\r\n")
        for header in (
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: identity, chunked, identity",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: chunked, gzip",
            b"Transfer-Encoding: gzip",
            b"Transfer-Encoding: \x0bchunked",
            b"Transfer-Encoding: chunked\x0c",
            b"Transfer-Encoding:\x00chunked",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding\t: chunked",
            b"Transfer-Encoding\x0b: chunked",
            b"Transfer_Encoding: chunked",
            b" Transfer-Encoding: chunked",
            b"X: y\rTransfer-Encoding: chunked",
            b"X: y\nTransfer-Encoding: chunked",
            b"Transfer-Encoding:\r\n chunked",
            b"Transfer-Encoding: ",
            b"Transfer-Encoding: ,",
            b"Transfer-Encoding: chunked\xa0",
            b"Transfer-Encoding: chun\rked",
        )
    ),
    post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=b"0\r\n\r\n"),
    post(b"Transfer-Encoding: x", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    lines(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    post(b"Content-Length: 5", b"content-length: 6", body=b"hello"),
    post(b"Content-Length: 5, 6", body=b"hello"),
    post(b"Content-Length: 5\x0b", body=b"hello"),
    post(b"Content-Length : 5", body=b"hello"),
    post(b"Content-Length: 5", b" 6", body=b"hello"),
    post(b"Content-Length: 05\r\nContent-Length: 5", body=b"hello"),
    chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    chunked(b"5\r\r\nhello\r\n0\r\n\r\n"),
    chunked(b"2\r\nheXX0\r\n\r\n"),
    chunked(b"0\r\nHost: b\r\n\r\n"),
    chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    chunked(b"0\r\nContent-Length: 40\r\n\r\n"),
    chunked(b"0\r\nTE: trailers\r\n\r\n"),
    chunked(b"0\r\nA: b\nC: d\r\n\r\n"),
    aimed(b"http://127.0.0.1/api/v3/order"),
    aimed(b"http://api.binance.com/api/v3/order", b"DELETE"),
    aimed(b"https://evil@api.binance.com/api/v3/ping"),
    aimed(b"HTTP://evil:80"),
    aimed(b"ftp://evil/api/v3/ping"),
    aimed(b"*", b"OPTIONS"),
    aimed(b"evil:443", b"CONNECT"),
    aimed(b"/api/v3/ping", b"CONNECT"),
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost: a\n\r\n",
    b"GET / HTTP/1.1\rHost: a\r\r",
    b"GET / HTTP/1.1\n\r\nHost: a\r\n\r\n",
]

# (what is sent, its method, its target, its body)
Valid = tuple[bytes, bytes, bytes, bytes]


def _valid_target(target: bytes) -> Valid:
    return aimed(target), b"GET", target, b""


def _valid_get(*headers: bytes) -> Valid:
    return get(*headers), b"GET", TARGET, b""


def _valid_post(request: bytes, body: bytes) -> Valid:
    return request, b"POST", b"/api/v3/order", body


# Well-formed requests for what somebody on the way could read as another path.
AMBIGUOUS = [
    aimed(target)
    for target in (
        b"//",
        b"//evil/api/v3/ping",
        b"/a//b",
        b"/a;b=c",
        b"/a,b",
        b"/a:b",
        b"/a@b",
        b"/~a",
        b"/a'b",
        b"/a(b)!*$",
    )
]

VALID: list[Valid] = [
    *map(
        _valid_target,
        [
            b"/",
            b"/a/",
            b"/api/v3/klines/",
            b"/a?",
            b"/a?b",
            b"/a?b=",
            b"/a?=b",
            b"/a?b=c=d",
            b"/a?&&",
            b"/a?b=1&b=2",
            b"/a?b=%00",
            b"/a?b=%ff%fe",
            b"/a?b=%e5%b8%81",
            b"/a?b=%2F%2f",
            b"/a?b=+",
            b'/a?b=["A","B"]',
            b"/a?b={|}^`",
            b"/a?b=\\",
            b"/a?b=<script>",
            b"/a?b=?",
            b"/a?b=//c",
            b"/a?b=http://evil/",
            b"/a?b=" + b"c" * 8_000,
        ],
    ),
    *(_valid_get(*headers) for headers in [
        (),
        (b"Host: a",),
        (b"HOST: a", b"aCCepT: b"),
        (b"Host:a",),
        (b"Host: a:80",),
        (b"Host: \t a \t ",),
        (b"Host:",),
        (b"A:", b"B: "),
        (b"A: b", b"A: c"),
        (b"A: b\tc  d",),
        (b"A: caf\xe9",),
        (b"A: \"b\\\"c\"",),
        (b"!#$%&'*+-.^`|~1: a",),
        (b"A: " + b"b" * 8_000,),
        tuple(b"A%d: b" % number for number in range(98)),
        (b"Connection: keep-alive",),
        (b"Connection: Keep-Alive, TE",),
        (b"TE: trailers",),
        (b"Content-Length: 0",),
        (b"Upgrade: websocket", b"Connection: Upgrade"),
    ]),
    *(_valid_post(*pair) for pair in [
        (post(b"Content-Length: 0"), b""),
        (post(b"Content-Length: 5", body=b"hello"), b"hello"),
        (post(b"content-length:  5 ", body=b"he\r\nl"), b"he\r\nl"),
        (post(b"Content-Length: 005", body=b"hello"), b"hello"),
        (post(b"Content-Length: %d" % len(CANARY), body=CANARY), CANARY),
        (post(b"Content-Length: 256", body=bytes(range(256))), bytes(range(256))),
        (chunked(b"0\r\n\r\n"), b""),
        (chunked(b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
        (chunked(b"a\r\n0123456789\r\n0\r\n\r\n"), b"0123456789"),
        (chunked(b"A\r\n0123456789\r\n00\r\n\r\n"), b"0123456789"),
        (chunked(b"0005\r\nhello\r\n000\r\n\r\n"), b"hello"),
        (chunked(b"1\r\na\r\n1\r\nb\r\n1\r\n\n\r\n0\r\n\r\n"), b"ab\n"),
        (chunked(b"5;a\r\nhello\r\n0;b=c\r\n\r\n"), b"hello"),
        (chunked(b"5 ; a=\"b;c\"\r\nhello\r\n0\r\n\r\n"), b"hello"),
        (chunked(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), b"hello"),
        (chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CANARY), CANARY)), CANARY),
        (post(b"TRANSFER-ENCODING: CHUNKED", body=b"1\r\na\r\n0\r\n\r\n"), b"a"),
        (b"\r\n" + post(b"Content-Length: 1", body=b"a"), b"a"),
    ]),
    *((aimed(TARGET, method), method, TARGET, b"") for method in (
        b"DELETE", b"PUT", b"OPTIONS", b"PATCH", b"HEAD",
    )),
]  # fmt: skip
