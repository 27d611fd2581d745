import orjson
import pytest

from bpx.exchange.unread import Unread
from tests.sizes import measured

KEYS = {"bidPrice": "b", "lastId": "L"}


def test_fields_have_the_names_and_the_order_of_a_reply():
    fields = Unread(b'{"L":7,"b":"1.50","x":0}', KEYS)
    assert list(fields.items()) == [("bidPrice", "1.50"), ("lastId", 7)]
    assert {**fields} == fields == {"bidPrice": "1.50", "lastId": 7}
    assert len(fields) == 2


def test_what_is_known_is_told_without_reading_the_message():
    fields = Unread(b"not read", KEYS, {"lastId": 7})
    assert fields["lastId"] == 7
    with pytest.raises(orjson.JSONDecodeError):
        fields["bidPrice"]


def test_there_is_no_other_field():
    fields = Unread(b'{"L":7,"b":"1.50","x":0}', KEYS)
    assert "x" not in fields
    assert fields.get("askPrice") is None


@pytest.mark.parametrize("is_read", [False, True])
def test_its_size_is_what_it_takes(is_read):
    keys = {f"field{number}": f"k{number}" for number in range(20)}

    def make():
        payload = orjson.dumps(
            {key: f"{number}.12345678" for number, key in enumerate(keys.values())}
        )
        fields = Unread(bytes(memoryview(payload)), keys)
        assert not is_read or fields["field3"] == "3.12345678"
        return fields

    fields, size_bytes = measured(make)
    assert 0.6 * size_bytes < fields.size_bytes < 1.7 * size_bytes
