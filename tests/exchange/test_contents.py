import pytest

from bpx.errors import BadMessage
from bpx.exchange.contents import read_contents, read_like

HEAD, TAIL = b'{"serverTime":1,"symbols":[', b"]}"
BTC = b'{"symbol":"BTCUSDT","status":"TRADING"}'


def like(body, earlier_body=HEAD + BTC + TAIL):
    earlier = read_contents(earlier_body)
    return read_like(body, earlier, memoryview(earlier_body)[len(earlier.head) :])


def test_a_document_is_read_in_pieces():
    contents = read_contents(HEAD + BTC + TAIL)
    assert (contents.head, contents.tail) == (HEAD, TAIL)
    assert contents.statuses == {"BTCUSDT": "TRADING"}
    assert contents.has_plain_ends
    assert contents.rows["BTCUSDT"].end == len(BTC)


def test_a_document_that_cannot_be_taken_apart_is_read_as_a_whole():
    contents = read_contents(b'{"symbols": [' + BTC + b"]}")
    assert (contents.statuses, contents.rows) == ({"BTCUSDT": "TRADING"}, {})
    assert contents.head == b""


def test_a_symbol_that_is_written_otherwise_leaves_no_rows():
    spaced = b'{"symbol":"ETHUSDT", "status":"HALT"}'
    contents = read_contents(HEAD + BTC + b"," + spaced + TAIL)
    assert contents.statuses == {"BTCUSDT": "TRADING", "ETHUSDT": "HALT"}
    assert (contents.head, contents.rows) == (HEAD, {})


@pytest.mark.parametrize("head", [b'{"assets":[],"symbols":[', b'{"serverTime": 1,"symbols":['])
def test_a_list_that_may_shrink_and_odd_writing_are_no_plain_ends(head):
    assert not read_contents(head + BTC + TAIL).has_plain_ends


def test_only_a_new_head_is_read():
    head = b'{"serverTime":2,"timezone":"UTC","symbols":['
    contents = like(head + BTC + TAIL)
    assert contents.head == head
    assert contents.statuses == {"BTCUSDT": "TRADING"}


@pytest.mark.parametrize(
    ("body", "earlier"),
    [
        (HEAD + BTC.replace(b"BTC", b"ETH") + TAIL, HEAD + BTC + TAIL),
        (b"<html>" + BTC + TAIL, HEAD + BTC + TAIL),
        (HEAD + BTC + TAIL, b'{"symbols": [' + BTC + b"]}"),
    ],
)
def test_where_there_is_more_to_read_nothing_is_taken_over(body, earlier):
    assert like(body, earlier) is None


@pytest.mark.parametrize("body", [b"", b"{}", b'{"symbols":[]}', HEAD + b'{"symbol":"A"}' + TAIL])
def test_what_is_no_document_is_refused(body):
    with pytest.raises(BadMessage):
        read_contents(body)
