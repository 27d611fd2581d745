from bpx.upstream.weights import DEAREST, ENTRIES, LearnedWeights


def test_what_was_not_seen_yet_is_taken_to_be_dear():
    assert LearnedWeights().weight("GET /x", 50) == 50


def test_the_most_that_was_seen_counts():
    weights = LearnedWeights()
    weights.learn("GET /x", 2)
    assert weights.weight("GET /x", 50) == 2
    for seen in (10, 4, 10, 7):
        weights.learn("GET /x", seen)
    assert weights.weight("GET /x", 50) == 10
    assert weights.weight("GET /y", 50) == 50


def test_what_was_dear_once_is_taken_to_be_dear_again():
    weights = LearnedWeights()
    for seen in (1, 250, 1, 1):
        weights.learn("GET /x", seen)
    assert weights.weight("GET /x", 50) == 250


def test_what_was_seen_long_ago_counts_no_more():
    weights = LearnedWeights()
    for seen in (250, 250, *[1] * 8):
        weights.learn("GET /x", seen)
    assert weights.weight("GET /x", 50) == 1


def test_nothing_is_taken_to_be_so_dear_that_it_could_not_be_asked_again():
    weights = LearnedWeights()
    weights.learn("GET /x", 4202)
    assert weights.weight("GET /x", 50) == DEAREST * 50


def test_the_one_longest_unused_is_forgotten():
    weights = LearnedWeights()
    weights.learn("first", 1)
    for number in range(ENTRIES - 1):
        weights.learn(str(number), 1)
    weights.weight("first", 50)
    weights.learn("one more", 1)
    assert weights.weight("first", 50) == 1
    assert weights.weight("0", 50) == 50
