from itertools import islice

from bpx.feed.backoff import delays


def test_each_wait_is_random_below_a_top_that_doubles():
    tops = [1, 2, 4, 8, 8, 8]
    for _ in range(200):
        waits = list(islice(delays(1, 8), 6))
        assert all(0 <= wait <= top for wait, top in zip(waits, tops, strict=True))


def test_the_jitter_is_full():
    firsts = [next(delays(1, 8)) for _ in range(500)]
    assert min(firsts) < 0.2
    assert max(firsts) > 0.8


def test_it_never_gives_up():
    waits = islice(delays(0.5, 30), 10_000)
    assert max(waits) <= 30
