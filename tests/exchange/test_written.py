from bpx.exchange.written import written
from tests.sizes import measured

BOOK = {"bids": [["1.5", "2"]] * 20}


def test_a_value_is_written_without_spaces():
    assert written({"a": [1, "x"]}) == b'{"a":[1,"x"]}'


def test_it_takes_no_more_memory_than_the_text():
    body, size_bytes = measured(lambda: written(BOOK))
    assert len(body) < size_bytes < len(body) + 400
