from bpx.upstream.weights import ENTRIES, LearnedWeights


def test_what_was_not_seen_yet_is_taken_to_be_dear():
    assert LearnedWeights().weight("GET /x", 50) == 50


def test_the_most_that_was_seen_counts():
    weights = LearnedWeights()
    for seen in (2, 10, 4):
        weights.learn("GET /x", seen)
    assert weights.weight("GET /x", 50) == 10
    assert weights.weight("GET /y", 50) == 50


def test_the_one_longest_unused_is_forgotten():
    weights = LearnedWeights()
    weights.learn("first", 1)
    for number in range(ENTRIES - 1):
        weights.learn(str(number), 1)
    weights.weight("first", 50)
    weights.learn("one more", 1)
    assert weights.weight("first", 50) == 1
    assert weights.weight("0", 50) == 50
