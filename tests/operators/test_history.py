from collections import Counter

from bpx.operators.history import History, Moment, Sampler, spent_over


def moment(at, replies=(), spent=(), messages=0, weight=0):
    return Moment(at, weight, 6000, Counter(dict(replies)), messages, Counter(dict(spent)))


def test_between_two_moments_is_what_was_counted_meanwhile():
    history = History()
    history.add(moment(10.0, {"websocket": 5, "cache": 1}, {"public": 4}, messages=50, weight=4))
    history.add(moment(15.0, {"websocket": 9, "cache": 1, "upstream": 2}, {"public": 10},
                       messages=80, weight=10))  # fmt: skip
    (step,) = history.shown()
    assert step == {
        "at": 15.0,
        "weight": 10,
        "limit": 6000,
        "replies": {"websocket": 4, "upstream": 2},
        "messages": 30,
        "spent": {"public": 6},
    }


def test_one_moment_is_no_history():
    history = History()
    history.add(moment(10.0))
    assert history.steps() == []


def test_the_oldest_is_forgotten():
    history = History(most=3)
    for at in range(10):
        history.add(moment(float(at)))
    assert [step.at for step in history.steps()] == [8.0, 9.0]


def test_what_was_spent_is_summed_up_by_kind_the_most_first():
    history = History()
    history.add(moment(0.0))
    history.add(moment(5.0, spent={"order": 1, "public": 2}))
    history.add(moment(10.0, spent={"order": 9, "public": 4}))
    assert list(spent_over(history.steps()).items()) == [("order", 9), ("public", 4)]
    assert spent_over(history.steps()[-1:]) == {"order": 8, "public": 2}


class Steps:
    """A runtime that ends the sampler at its second sleep."""

    def __init__(self):
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        if len(self.slept) == 2:
            self.sampler.close()


def test_moments_are_taken_until_it_is_closed():
    taken, runtime = [], Steps()
    runtime.sampler = Sampler(lambda: taken.append(1), runtime)
    runtime.sampler.follow()
    assert (len(taken), runtime.slept) == (2, [5.0, 5.0])
