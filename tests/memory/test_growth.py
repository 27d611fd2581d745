from bpx.memory.census import Held
from bpx.memory.growth import KEPT_BYTES, Counted, Grown, condensed, growing, grown_since

KB = 1024


def counted(*sizes_kb: dict[str, int]) -> list[Counted]:
    return [
        Counted(60.0 * number, {name: Held(size, size * KB) for name, size in census.items()})
        for number, census in enumerate(sizes_kb)
    ]


def test_between_two_looks_what_grew_most_comes_first() -> None:
    earlier = {"dict": Held(10, 100), "list": Held(5, 50), "set": Held(1, 10)}
    later = {"dict": Held(12, 120), "list": Held(5, 50), "Book": Held(3, 300), "set": Held(0, 0)}
    assert grown_since(earlier, later) == [Grown("Book", 3, 300), Grown("dict", 2, 20)]
    assert grown_since(earlier, later, most=1) == [Grown("Book", 3, 300)]


def test_a_type_that_grows_all_the_time_is_named() -> None:
    looks = counted(*({"leak": 100 * number, "dict": 5000} for number in range(1, 7)))
    assert growing(looks) == [Grown("leak", 500, 500 * KB)]


def test_a_type_that_grew_once_or_hardly_is_not_named() -> None:
    step = counted(*({"step": 100 if number < 3 else 900} for number in range(8)))
    small = counted(*({"small": number} for number in range(8)))
    share = counted(*({"share": 100_000 + 100 * number} for number in range(8)))
    wave = counted(*({"wave": 500 + 400 * (number % 2)} for number in range(8)))
    assert [growing(looks) for looks in (step, small, share, wave)] == [[], [], [], []]


def test_of_a_few_looks_nothing_is_said() -> None:
    looks = counted(*({"leak": 1000 * number} for number in range(1, 4)))
    assert growing(looks) == []


def test_of_a_look_only_what_is_large_is_kept() -> None:
    census = {"large": Held(1, KEPT_BYTES), "small": Held(1, KEPT_BYTES - 1)}
    assert condensed(Counted(7.0, census)) == Counted(7.0, {"large": Held(1, KEPT_BYTES)})


def test_a_type_that_was_too_small_to_be_kept_is_named_when_it_grows() -> None:
    looks = counted(*({"leak": 20 * number} for number in range(1, 13)))
    assert [one.name for one in growing([condensed(look) for look in looks])] == ["leak"]
