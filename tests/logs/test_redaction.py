import pytest

from bpx.logs.redaction import redact

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        ("GET /api/v3/order?symbol=A&signature=ab1 HTTP/1.1", "GET /api/v3/order?*** HTTP/1.1"),
        ('url: /x?symbols=["A"]&signature=ab1 (Caused by', "url: /x?*** (Caused by"),
        ("body symbol=A&signature=ab1&x=1", "body symbol=A&signature=***&x=1"),
        ("{'X-MBX-APIKEY': 'ab1', 'A': 'b'}", "{'X-MBX-APIKEY': '***', 'A': 'b'}"),
        ("('X-MBX-APIKEY', b'ab1')", "('X-MBX-APIKEY', b'***')"),
        ('{"listenKey":"ab1"}', '{"listenKey":"***"}'),
        (f"stream /ws/{KEY} lost", "stream /ws/*** lost"),
        (f"PUT /x?{KEY} HTTP/1.1", "PUT /x?*** HTTP/1.1"),
        ("{'HTTP_X_MBX_APIKEY': 'ab1'}", "{'HTTP_X_MBX_APIKEY': '***'}"),
        ("Invalid header: 'X-MBX-APIKEY ab1'", "Invalid header: 'X-MBX-APIKEY ***'"),
        ("POST /order%3Fa=1%26signature%3Dab1 -> 200", "POST /order*** -> 200"),
        ("POST /order%3f%73ignature%3dab1 -> 200", "POST /order*** -> 200"),
        ("POST /order%253Fsignature%253Dab1 -> 200", "POST /order*** -> 200"),
        ("GET /%e5%b8%81/100%-1 -> 404", "GET /%e5%b8%81/100%-1 -> 404"),
        ("spot BTCUSDT: why? because 1=1", "spot BTCUSDT: why? because 1=1"),
    ],
)
def test_no_line_holds_a_query_a_signature_or_a_key(line: str, redacted: str) -> None:
    assert redact(line) == redacted
