import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bpx.exchange.ticker import TickerShape
from bpx.state.day import Day
from tests.sizes import measured

SHAPE = TickerShape(
    full=(
        ("lastPrice", "c"),
        ("bidPrice", "b"),
        ("bidQty", "B"),
        ("askPrice", "a"),
        ("askQty", "A"),
        ("closeTime", "C"),
        ("lastId", "L"),
    ),
    mini=("lastPrice", "closeTime"),
)


def ticker(close_time, last_id=7, price="10"):
    return {
        "lastPrice": price,
        "bidPrice": "9",
        "bidQty": "1",
        "askPrice": "11",
        "askQty": "1",
        "closeTime": close_time,
        "lastId": last_id,
    }


def best(bid, ask):
    return {"bidPrice": bid, "bidQty": "2", "askPrice": ask, "askQty": "2"}


def shown(day):
    return orjson.loads(day.view(0.0).full)


def test_a_ticker_is_shown_as_it_came():
    day = Day(SHAPE, last_price=None)
    assert day.apply(ticker(1000))
    view = day.view(3.0)
    assert view.full == (
        b'{"lastPrice":"10","bidPrice":"9","bidQty":"1","askPrice":"11","askQty":"1",'
        b'"closeTime":1000,"lastId":7}'
    )
    assert view.mini == b'{"lastPrice":"10","closeTime":1000}'
    assert (view.version, view.confirmed_at, view.good_until_ms) == (1, 3.0, None)


def test_best_prices_of_a_book_ticker_stand_in_their_places():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(1000))
    day.apply_best(5, best("9.5", "10.5"))
    assert day.view(0.0).full == (
        b'{"lastPrice":"10","bidPrice":"9.5","bidQty":"2","askPrice":"10.5","askQty":"2",'
        b'"closeTime":1000,"lastId":7}'
    )


def test_a_view_keeps_the_prices_that_it_was_made_with():
    day = Day(SHAPE, last_price="askPrice")
    day.apply(ticker(1000))
    before = day.view(0.0)
    day.apply_best(5, best("9.5", "10.5"))
    day.apply(ticker(2000))
    after = day.view(0.0)
    day.forget_best()
    seen = [orjson.loads(view.full) for view in (before, after)]
    assert [(one["bidPrice"], one["lastPrice"], one["closeTime"]) for one in seen] == [
        ("9", "11", 1000),
        ("9.5", "10.5", 2000),
    ]


def test_they_outlast_the_next_ticker():
    day = Day(SHAPE, last_price=None)
    day.apply_best(5, best("9.5", "10.5"))
    day.apply(ticker(1000))
    day.apply(ticker(2000))
    assert shown(day)["bidPrice"] == "9.5"


def test_an_older_book_ticker_changes_nothing():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(1000))
    day.apply_best(5, best("9.5", "10.5"))
    day.apply_best(4, best("1", "2"))
    assert shown(day)["bidPrice"] == "9.5"


def test_an_older_ticker_changes_nothing_and_is_no_news():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(2000, last_id=9))
    assert not day.apply(ticker(1000, last_id=7, price="1"))
    assert shown(day)["lastPrice"] == "10"


def test_a_ticker_with_more_trades_is_newer_whatever_it_says_of_its_close():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(9000, last_id=7))
    assert not day.is_past(ticker(1000, last_id=8))
    assert day.apply(ticker(1000, last_id=8, price="11"))
    assert (shown(day)["lastPrice"], shown(day)["closeTime"]) == ("11", 1000)
    assert day.is_past(ticker(9000, last_id=7))
    assert not day.apply(ticker(9000, last_id=7))
    assert shown(day)["lastPrice"] == "11"


def test_of_a_day_without_trades_the_close_tells_which_is_newer():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(1000, last_id=7))
    assert day.apply(ticker(2000, last_id=-1))
    assert day.is_past(ticker(1000, last_id=7))
    assert day.apply(ticker(3000, last_id=7))


def test_a_ticker_that_is_sure_is_taken_in_any_case():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(9000, last_id=9))
    assert day.apply(ticker(1000, last_id=7, price="11"), is_sure=True)
    assert shown(day)["lastPrice"] == "11"
    assert not day.apply(ticker(500, last_id=7), is_sure=True)
    assert shown(day)["closeTime"] == 500


def test_tickers_tell_the_same_if_they_have_one_last_trade_and_the_best_prices_that_are_shown():
    day = Day(SHAPE, last_price=None)
    assert not day.is_told_by(ticker(1000))
    day.apply(ticker(2000))
    assert day.is_told_by(ticker(1000))
    assert not day.is_told_by(ticker(1000, last_id=8))
    assert not day.is_told_by(ticker(1000, price="11"))
    assert not day.is_told_by(ticker(1000) | best("9.5", "10.5"))
    day.apply_best(5, best("9.5", "10.5"))
    assert day.is_told_by(ticker(1000) | best("9.5", "10.5"))


def test_only_trades_are_news():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(1000, last_id=7))
    assert not day.apply(ticker(2000, last_id=7))
    assert shown(day)["closeTime"] == 2000
    assert day.apply(ticker(3000, last_id=8))


def test_forgotten_best_prices_give_way_to_those_of_the_ticker():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(1000))
    day.apply_best(5, best("9.5", "10.5"))
    day.forget_best()
    assert shown(day)["bidPrice"] == "9"


def test_what_was_forgotten_does_not_come_back_by_a_replay():
    day = Day(SHAPE, last_price=None)
    day.apply(ticker(1000))
    day.apply_best(5, best("9.5", "10.5"))
    day.forget_best()
    day.apply(ticker(9000))
    day.apply_best(5, best("9.5", "10.5"))
    day.apply_best(4, best("1", "2"))
    assert shown(day)["bidPrice"] == "9"
    day.apply_best(6, best("9.6", "10.6"))
    assert shown(day)["bidPrice"] == "9.6"


def test_the_last_price_may_be_taken_from_the_book():
    day = Day(SHAPE, last_price="askPrice")
    day.apply(ticker(1000))
    assert shown(day)["lastPrice"] == "11"
    day.apply_best(5, best("9.5", "10.5"))
    assert shown(day)["lastPrice"] == "10.5"


def test_where_tickers_have_no_best_prices_the_last_trade_stays():
    shape = TickerShape(full=(("lastPrice", "c"), ("closeTime", "C"), ("lastId", "L")))
    day = Day(shape, last_price="askPrice")
    day.apply({"lastPrice": "10", "closeTime": 1000, "lastId": 7})
    assert day.view(0.0).full == b'{"lastPrice":"10","closeTime":1000,"lastId":7}'


class LateAndTwice(RuleBasedStateMachine):
    """Frames of both streams, each in order, any of them lost, and what has come replayed.

    A price is the moment at which it was the best one, so that older prices are smaller.
    """

    def __init__(self):
        super().__init__()
        self.day = Day(SHAPE, last_price=None)
        self.moment = 0
        self.bests, self.tickers = [], []  # that have come
        self.best_now = 0
        self.newest_shown = {"bidPrice": 0, "closeTime": 0}

    @rule(lost=st.booleans())
    def best_changes(self, lost):
        self.moment += 1
        self.best_now = self.moment
        if not lost:
            self.bests.append((self.moment, best(f"{self.moment}", f"{self.moment + 1}")))
            self.day.apply_best(*self.bests[-1])

    @rule()
    def ticker_comes(self):
        self.moment += 1
        self.tickers.append({**ticker(self.moment, self.moment), "bidPrice": f"{self.best_now}"})
        self.day.apply(self.tickers[-1])

    @precondition(lambda self: self.bests)
    @rule(data=st.data())
    def best_is_replayed(self, data):
        self.day.apply_best(*data.draw(st.sampled_from(self.bests)))

    @precondition(lambda self: self.tickers)
    @rule(data=st.data())
    def ticker_is_replayed(self, data):
        self.day.apply(data.draw(st.sampled_from(self.tickers)))

    @rule()
    def book_tickers_cease(self):
        self.day.forget_best()
        self.ticker_comes()

    @invariant()
    def nothing_shown_is_older_than_what_was_shown_before(self):
        if not self.tickers:
            return
        now = {name: int(shown(self.day)[name]) for name in self.newest_shown}
        assert all(now[name] >= self.newest_shown[name] for name in now)
        self.newest_shown = now


TestLateAndTwice = LateAndTwice.TestCase
TestLateAndTwice.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_its_size_is_what_it_takes():
    shape = TickerShape(tuple((f"field{number}", "x") for number in range(20)))

    def make():
        day = Day(shape, last_price=None)
        texts = {name: f"{hash(name)}.12345678" for name, _ in shape.full}
        day.apply(texts | {"lastId": 10**9, "closeTime": 10**12})
        view = day.view(1.0)
        assert len(view.full) > 400
        return day, view

    (_, view), size_bytes = measured(make)
    assert 0.6 * size_bytes < view.size_bytes < 1.5 * size_bytes
