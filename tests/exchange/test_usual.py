"""Frames as Binance usually writes them are read by shortcuts, which decide nothing themselves."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpx.errors import BadMessage
from bpx.exchange import usual
from bpx.exchange.depth import decode_depth_frame
from bpx.exchange.futures import FUTURES
from bpx.exchange.kline import decode_kline
from bpx.exchange.spot import SPOT
from bpx.exchange.ticker import decode_book_ticker, decode_ticker_frame
from tests.exchange.test_depth import FUTURES_FRAME, SPOT_FRAME
from tests.exchange.test_kline import FRAME as KLINE_FRAME
from tests.exchange.test_ticker import BOOK_FRAME
from tests.exchange.test_ticker import FRAME as TICKER_FRAME

READERS = {
    "kline": (KLINE_FRAME, decode_kline),
    "depth": (SPOT_FRAME, lambda frame: decode_depth_frame(frame, SPOT.depth_keys)),
    "futures depth": (FUTURES_FRAME, lambda frame: decode_depth_frame(frame, FUTURES.depth_keys)),
    "ticker": (TICKER_FRAME, lambda frame: decode_ticker_frame(frame, SPOT.ticker_shape)),
    "book ticker": (BOOK_FRAME, decode_book_ticker),
}
PIECES = [b"", b" ", b'"', b"0", b"1", b"-", b".", b"e5", b",", b":", b"[", b"]", b"{", b"}",
          b"\\", b"\x00", b"\xff", b"null", b"true", b'"x":1,', b',"x":"y"', b'"u":9,']  # fmt: skip


def told(frame, read):
    """Return what a frame is read as; None if it is a bad message."""
    try:
        return read(frame)
    except BadMessage:
        return None


def unusual(frame):
    """Return the same with spaces, which no shortcut takes; None if it is not JSON."""
    try:
        return json.dumps(json.loads(frame), ensure_ascii=False).encode()
    except ValueError:
        return None


@pytest.mark.parametrize("kind", READERS)
def test_the_shortcut_reads_the_same_as_json(kind):
    frame, read = READERS[kind]
    assert told(frame, read) == told(unusual(frame), read) is not None


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_it_does_so_whatever_is_wrong_with_a_frame(kind, data):
    frame, read = READERS[kind]
    for _ in range(data.draw(st.integers(1, 2))):
        begin = data.draw(st.integers(0, len(frame)))
        end = data.draw(st.integers(begin, min(len(frame), begin + 3)))
        frame = frame[:begin] + data.draw(st.sampled_from(PIECES)) + frame[end:]
    respaced = unusual(frame)
    assert told(frame, read) == (None if respaced is None else told(respaced, read))


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (usual.WHOLE, ["0", "7", "10", "9" * 18], ["", "01", "-1", "1.0", "9" * 19, "\u0661"]),
        (usual.NUMBER, ['"0"', '"-1.50"', '"007"'], ['""', '"."', '"1."', '"1e5"', '"1', "1"]),
        (usual.UNSIGNED, ['"0"', '"1.50"'], ['"-1"', '"1.2.3"', '"NaN"']),
        (usual.TEXT, ['""', '"BTCUSDT"', '"a b"'], ['"\\""', '"\u0661"', '"a\n"', "x"]),
        (usual.others("u"), ["", '"s":"x",', '"t":1,"i":true,'], ['"u":1,', '"a":[],', '"s":"x"']),
        (usual.others_behind("u"), ["", ',"s":"x"'], [',"u":1', '"s":"x"', ",,"]),
    ],
)  # fmt: skip
def test_patterns_take_no_more_than_json_would(pattern, good, bad):
    matches = re.compile(pattern).fullmatch
    assert [text for text in good if not matches(text.encode())] == []
    assert [text for text in bad if matches(text.encode())] == []
