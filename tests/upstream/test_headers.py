import pytest

from bpx.upstream.headers import BadHeader, to_binance, to_client


def test_binances_own_headers_and_ordinary_ones_go_to_binance():
    headers = (
        ("X-MBX-APIKEY", "k"),
        ("x-mbx-time-unit", "MICROSECOND"),
        ("X-MBX-SBE", "3:0"),
        ("Accept", "application/json"),
        ("Accept-Language", "en"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("User-Agent", "ccxt"),
    )
    assert to_binance(headers) == headers


@pytest.mark.parametrize(
    "name",
    [
        *["Cookie", "Authorization", "Host", "X-BPX-API-Key", "X-Api-Key", "Origin", "Referer"],
        *["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded"],
        *["Via", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "Client-IP"],
        *["Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"],
        *["Proxy-Authorization", "Proxy-Connection", "Content-Length", "X-Anything"],
    ],
)
def test_secrets_addresses_and_what_is_for_one_connection_stay_here(name: str):
    assert to_binance([(name, "x"), ("Accept", "*/*")]) == (("Accept", "*/*"),)


def test_the_key_cannot_be_taken_away_by_naming_it_in_connection():
    headers = (("X-MBX-APIKEY", "k"),)
    assert to_binance([("Connection", "close, x-mbx-apikey"), *headers]) == headers


def test_what_connection_names_stays_here():
    headers = [("Connection", "close, X-MBX-Mine"), ("X-MBX-MINE", "1"), ("Accept", "*/*")]
    assert to_binance(headers) == (("Accept", "*/*"),)
    assert to_client([("Connection", "etag"), ("ETag", "1"), ("Vary", "*")]) == (("Vary", "*"),)


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate"),
        ("gzip;q=0.5, br;q=1.0", "gzip;q=0.5"),
        ("identity", "identity"),
        ("br", "identity"),
        ("*", "identity"),
        ("", "identity"),
    ],
)
def test_only_encodings_whose_end_we_can_check_are_asked_for(asked: str, passed: str):
    assert to_binance([("Accept-Encoding", asked)]) == (("Accept-Encoding", passed),)


def test_no_encoding_is_asked_for_that_the_client_did_not_ask_for():
    assert to_binance([]) == ()


@pytest.mark.parametrize(
    "value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "\x1b[1m", "a\x7f", "\xe9"]
)
def test_a_value_that_is_not_one_plain_line_does_not_cross(value: str):
    assert to_binance([("X-MBX-APIKEY", value)]) == ()
    with pytest.raises(BadHeader):
        to_client([("X-MBX-UUID", value)])


def test_a_tab_is_plain():
    assert to_client([("X-MBX-UUID", "a\tb")]) == (("X-MBX-UUID", "a\tb"),)


def test_a_bad_value_of_a_header_that_stays_there_does_no_harm():
    assert to_client([("Server", "\xe9")]) == ()


def test_binances_headers_and_end_to_end_ones_go_to_the_client():
    headers = (
        ("Content-Type", "application/json;charset=UTF-8"),
        ("Content-Encoding", "gzip"),
        ("Date", "Sun, 22 Nov 2026 12:00:00 GMT"),
        ("ETag", 'W/"1"'),
        ("Cache-Control", "no-cache"),
        ("Retry-After", "7"),
        ("Vary", "Accept-Encoding"),
        ("X-MBX-USED-WEIGHT", "5"),
        ("x-mbx-used-weight-1m", "5"),
        ("X-MBX-ORDER-COUNT-10S", "1"),
        ("x-sapi-used-uid-weight-1m", "1"),
    )
    assert to_client(headers) == headers


@pytest.mark.parametrize(
    "name",
    [
        *["Set-Cookie", "Location", "Server", "Content-Length", "Access-Control-Allow-Origin"],
        *["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Trailer"],
        *["Proxy-Authenticate", "Strict-Transport-Security"],
    ],
)
def test_what_is_not_for_the_client_does_not_come_back(name: str):
    assert to_client([(name, "x")]) == ()
