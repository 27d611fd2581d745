from bpx.exchange.failure import UNKNOWN_SYMBOL, error_body


def test_an_error_is_written_as_binance_writes_it():
    assert UNKNOWN_SYMBOL == b'{"code":-1121,"msg":"Invalid symbol."}'


def test_words_of_an_error_are_escaped():
    assert error_body(-1, 'a "b" 币') == '{"code":-1,"msg":"a \\"b\\" 币"}'.encode()
