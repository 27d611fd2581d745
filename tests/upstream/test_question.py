import pytest

from bpx.upstream.call import Call, Kind
from bpx.upstream.question import question

KEY = ("X-MBX-APIKEY", "secret-key")
CALL = Call("GET", "/api/v3/depth?symbol=BTCUSDT", (("Accept", "*/*"), KEY))


@pytest.mark.parametrize(
    "other",
    [
        Call("GET", CALL.target, (("accept", "*/*"), ("x-mbx-apikey", "secret-key"))),
        Call("GET", CALL.target, (*CALL.headers, ("User-Agent", "freqtrade"))),
        Call("GET", CALL.target, CALL.headers, weight=7, kind=Kind.SIGNED, client="10.0.0.1"),
    ],
)
def test_what_does_not_change_the_answer_makes_no_other_question(other: Call):
    assert question(other) == question(CALL)


@pytest.mark.parametrize(
    "other",
    [
        Call("HEAD", CALL.target, CALL.headers),
        Call("GET", CALL.target + "&limit=5", CALL.headers),
        Call("GET", CALL.target, (("Accept", "*/*"), ("X-MBX-APIKEY", "another"))),
        Call("GET", CALL.target, (*CALL.headers, ("Accept-Encoding", "gzip"))),
        Call("GET", CALL.target, CALL.headers, b"a=1"),
    ],
)
def test_what_may_change_the_answer_makes_another_question(other: Call):
    assert question(other) != question(CALL)


def test_a_key_is_not_kept():
    assert "secret-key" not in repr(question(CALL))
