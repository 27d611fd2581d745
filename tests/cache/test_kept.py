from bpx.cache.kept import Kept


def test_a_value_is_kept_until_its_age_is_over():
    kept = Kept[str](entries=10, size_bytes=100)
    kept.keep("a", "A", 1, age_s=5, now=100)
    assert kept.read("a", now=104.9) == "A"
    assert kept.read("a", now=105) is None
    assert kept.size_bytes == 0


def test_what_was_never_kept_is_none():
    assert Kept[str](entries=1, size_bytes=1).read("a", now=0) is None


def test_the_one_longest_unused_goes_when_there_are_too_many():
    kept = Kept[str](entries=2, size_bytes=100)
    for key in "ab":
        kept.keep(key, key, 1, age_s=5, now=0)
    kept.read("a", now=1)
    kept.keep("c", "c", 1, age_s=5, now=2)
    assert [kept.read(key, now=3) for key in "abc"] == ["a", None, "c"]


def test_values_go_when_they_have_too_many_bytes():
    kept = Kept[str](entries=100, size_bytes=10)
    kept.keep("a", "A", 6, age_s=5, now=0)
    kept.keep("b", "B", 6, age_s=5, now=0)
    assert [kept.read(key, now=1) for key in "ab"] == [None, "B"]
    assert kept.size_bytes == 6


def test_what_is_larger_than_all_the_room_is_not_kept_and_the_old_value_is_gone():
    kept = Kept[str](entries=100, size_bytes=10)
    kept.keep("a", "old", 3, age_s=5, now=0)
    kept.keep("b", "B", 3, age_s=5, now=0)
    kept.keep("a", "new", 11, age_s=5, now=0)
    assert [kept.read(key, now=1) for key in "ab"] == [None, "B"]


def test_a_key_that_is_kept_again_counts_once():
    kept = Kept[str](entries=2, size_bytes=10)
    kept.keep("a", "1", 4, age_s=5, now=0)
    kept.keep("a", "2", 5, age_s=5, now=1)
    assert (len(kept), kept.size_bytes, kept.read("a", now=5.9)) == (1, 5, "2")


def test_100_000_keys_stay_within_the_bounds():
    kept = Kept[int](entries=50, size_bytes=1000)
    for number in range(100_000):
        kept.keep(number, number, 10, age_s=5, now=0)
    assert (len(kept), kept.size_bytes) == (50, 500)


def test_all_of_it_can_be_given_back():
    kept = Kept(entries=3, size_bytes=100)
    for key in range(3):
        kept.keep(key, "value", 10, age_s=5, now=0)
    assert kept.clear() == 30
    assert (len(kept), kept.size_bytes, kept.read(0, now=0)) == (0, 0, None)
