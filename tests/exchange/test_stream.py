import pytest

from bpx.exchange.stream import BOOK_TICKER, DEPTH, KLINE, TICKER, stream_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (stream_name(KLINE, "BTCUSDT", "1m"), "btcusdt@kline_1m"),
        (stream_name(KLINE, "BTCUSDT", "1M"), "btcusdt@kline_1M"),
        (stream_name(DEPTH, "BTCUSDT"), "btcusdt@depth20@100ms"),
        (stream_name(TICKER, "BTCUSDT_260327"), "btcusdt_260327@ticker"),
        (stream_name(BOOK_TICKER, "币安人生USDT"), "币安人生usdt@bookTicker"),
    ],
)
def test_only_the_symbol_is_lower_case_in_a_streams_name(name, expected):
    assert name == expected
