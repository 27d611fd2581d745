from bpx.upstream.retry import Recovery, RetryBudget, short_wait_s


def test_the_longest_wait_doubles_up_to_the_highest():
    seen = [list(Recovery(6, 1.0, 10.0).delays()) for _ in range(2000)]
    highest = [max(waits) for waits in zip(*seen, strict=True)]
    lowest = [min(waits) for waits in zip(*seen, strict=True)]
    for top_s, high_s, low_s in zip([1, 2, 4, 8, 10, 10], highest, lowest, strict=True):
        assert 0.9 * top_s < high_s <= top_s
        assert 0 <= low_s < 0.1 * top_s


def test_there_are_as_many_waits_as_retries():
    assert [len(list(Recovery(retries).delays())) for retries in (0, 1, 5)] == [0, 1, 5]


def test_a_client_waits_for_a_moment_that_is_never_the_same():
    waits = [short_wait_s() for _ in range(1000)]
    assert min(waits) >= 0.05
    assert max(waits) <= 0.25
    assert max(waits) - min(waits) > 0.15


def taken(budget: RetryBudget, calls: int, now: float) -> int:
    """Return how many of as many calls that all fail are tried again."""
    count = 0
    for _ in range(calls):
        budget.count(now)
        count += budget.take(now)
    return count


def test_a_tenth_of_the_calls_of_ten_seconds_is_tried_again():
    budget = RetryBudget()
    assert sum(taken(budget, 100, now) for now in range(10)) == 100
    assert taken(budget, 100, 30.0) == 10


def test_a_few_are_tried_again_however_few_calls_there_are():
    budget = RetryBudget()
    assert taken(budget, 10, 0.0) == 3
    assert taken(budget, 10, 5.0) == 0
    assert taken(budget, 10, 10.0) == 3
