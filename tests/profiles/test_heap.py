import tracemalloc
from time import time_ns

from bpx.profiles.heap import by_place, by_type
from bpx.profiles.profile import Frame

MB = 2**20


class Candle:
    def __init__(self) -> None:
        self.number = 1


def test_what_is_in_memory_is_told_by_type() -> None:
    candles = [Candle() for _ in range(50)]
    profile = by_type(lambda: None)
    number, size_bytes = profile.samples[(Frame(f"{__name__}.Candle", "", 0, 0),), ()]
    assert number == len(candles)
    assert size_bytes >= 50 * 40


def allocated() -> bytearray:
    return bytearray(3 * MB)


def test_what_is_allocated_meanwhile_is_told_by_place() -> None:
    began_ns = time_ns()
    tracemalloc.start(16)
    try:
        kept = allocated()
        allocated()  # and given back
        profile = by_place(began_ns, 7)
    finally:
        tracemalloc.stop()
    largest, values = max(profile.samples.items(), key=lambda row: row[1][1])
    (inner, *outer), _ = largest
    assert len(kept) <= values[1] < 4 * MB
    assert inner.file == __file__
    assert inner.line == allocated.__code__.co_firstlineno + 1
    assert inner.function == f"profiles/test_heap.py:{inner.line}"
    assert outer[0].file == __file__
    assert (profile.began_ns, profile.duration_ns) == (began_ns, 7)
