import pytest

from bpx.upstream.refusal import read_refusal

T_MS = 1_800_000_000_000  # a whole minute
BANNED = (
    b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1800000090000. '
    b'Please use WebSocket Streams for live updates to avoid bans."}'
)
TOO_MANY = b'{"code":-1003,"msg":"Too many requests; current limit of IP(1.2.3.4) is 2400."}'


@pytest.mark.parametrize(
    ("status", "retry_after", "body", "at_ms", "seconds"),
    [
        (429, "7", TOO_MANY, T_MS, 7),
        (418, "120", BANNED, T_MS, 120),
        (418, None, BANNED, T_MS, 90),
        (418, "soon", BANNED, T_MS, 90),
        (418, None, BANNED, None, 120),
        (418, None, BANNED, T_MS + 100_000, 1),
        (418, None, b"<html>", T_MS, 120),
        (429, None, TOO_MANY, T_MS + 45_000, 15),
        (429, None, b"", None, 60),
        (429, "0", b"", T_MS, 1),
        (429, "99999999", b"", T_MS, 259_200),
        (429, "7", b"[1]", T_MS, 7),
    ],
)
def test_how_long_a_refusal_holds(
    status: int, retry_after: str | None, body: bytes, at_ms: int | None, seconds: float
):
    refusal = read_refusal(status, retry_after, body, at_ms)
    assert refusal is not None
    assert refusal.seconds == seconds


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"{}"),
        (400, TOO_MANY),
        (403, b"<html>"),
        (503, b'{"code":-1003,"msg":"x"}'),
        (429, b'{"code":-1015,"msg":"Too many new orders; current limit is 50 per 10S."}'),
    ],
)
def test_what_starts_no_hold(status: int, body: bytes):
    assert read_refusal(status, "7", body, T_MS) is None
