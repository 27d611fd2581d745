import pytest

from bpx.cli.comparison import Difference, differences

ROW = [1_000, "1", "3", "1", "2", "9", 1_999, "18", 4, "5", "10", "0"]


def row(at: int, **fields: object) -> list[object]:
    names = ("at", "open", "high", "low", "close", "volume")
    made = [at, *ROW[1:]]
    for name, value in fields.items():
        made[names.index(name)] = value
    return made


def test_what_is_the_same_is_right() -> None:
    ticker = {"symbol": "A", "lastPrice": "1.50", "count": 7}
    assert differences("ticker/24hr", ticker, ticker, ticker) == []


@pytest.mark.parametrize("price", ["1.0", "1.5", "2.0"])
def test_what_moves_may_be_of_a_moment_between(price: str) -> None:
    before, after = {"lastPrice": "1.0"}, {"lastPrice": "2.0"}
    assert differences("ticker/24hr", {"lastPrice": price}, before, after) == []


@pytest.mark.parametrize("price", ["0.9", "2.1", 1.5, None, "x", True])
def test_what_lies_beyond_or_is_of_another_kind_differs(price: object) -> None:
    before, after = {"lastPrice": "1.0"}, {"lastPrice": "2.0"}
    (found,) = differences("ticker/24hr", {"lastPrice": price}, before, after)
    assert (found.row, found.field, found.theirs) == ("", "lastPrice", "2.0")


def test_another_number_of_digits_differs() -> None:
    same = {"price": "1.50"}
    assert differences("ticker/price", {"price": "1.5"}, same, same) == [
        Difference("", "price", "1.5", "1.50")
    ]


def test_a_field_that_is_missing_or_too_many_differs() -> None:
    theirs = {"a": 1, "b": 2}
    found = differences("x", {"a": 1, "c": 3}, theirs, theirs)
    assert {(one.field, one.ours) for one in found} == {("b", "(none)"), ("c", "3")}


def test_the_row_of_a_kline_is_named_and_its_field() -> None:
    theirs = [row(1_000), row(2_000)]
    found = differences("klines", [row(1_000, close="7"), row(2_000)], theirs, theirs)
    assert found == [Difference("1000", "close", "7", "2")]


def test_a_new_candle_between_the_answers_is_no_difference() -> None:
    before, after = [row(1_000), row(2_000)], [row(2_000), row(3_000)]
    assert differences("klines", before, before, after) == []
    assert differences("klines", after, before, after) == []


def test_a_candle_that_is_missing_differs() -> None:
    theirs = [row(1_000), row(2_000), row(3_000)]
    found = differences("klines", [row(1_000), row(3_000)], theirs, theirs)
    assert [(one.row, one.ours) for one in found] == [("2000", "(none)")]


def test_books_are_compared_only_where_they_are_of_one_moment() -> None:
    theirs = {"lastUpdateId": 5, "bids": [["1", "2"]], "asks": [["3", "4"]]}
    assert differences("depth", theirs, theirs, theirs | {"lastUpdateId": 6}) == []
    assert differences("depth", theirs | {"lastUpdateId": 4}, theirs, theirs) is None
    wrong = theirs | {"bids": [["1", "9"]]}
    assert differences("depth", wrong, theirs, theirs) == [Difference("", "bids[0][1]", "9", "2")]
    assert differences("depth", {"code": -1}, theirs, theirs) != []


def test_the_symbol_of_a_row_is_named() -> None:
    theirs = {"symbols": [{"symbol": "A", "status": "TRADING"}, {"symbol": "B", "status": "BREAK"}]}
    ours = {"symbols": [{"symbol": "B", "status": "TRADING"}, {"symbol": "A", "status": "TRADING"}]}
    assert differences("exchangeInfo", ours, theirs, theirs) == [
        Difference("B", "status", "TRADING", "BREAK")
    ]


def test_when_an_answer_was_made_is_its_own_affair() -> None:
    assert (
        differences("exchangeInfo", {"serverTime": 1}, {"serverTime": 5}, {"serverTime": 6}) == []
    )
