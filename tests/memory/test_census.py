import gc

from bpx.memory.census import LARGE_BYTES, PIECE, Held, take_census


class Candle:
    def __init__(self) -> None:
        self.number = 1


def test_objects_are_counted_by_type() -> None:
    before = take_census(lambda: None)
    candles = [Candle() for _ in range(100)]
    after = take_census(lambda: None)
    name = f"{__name__}.Candle"
    assert name not in before
    assert after[name].number == len(candles)
    assert after[name].size_bytes >= 100 * 16


def test_large_bytes_are_counted_once_whoever_refers_to_them() -> None:
    size = 1000 * LARGE_BYTES
    gc.collect()  # else what others have left goes meanwhile
    before = take_census(lambda: None).get("bytes", Held(0, 0))
    body = bytes(size)
    holders = [[body], [body], {"body": body}]
    after = take_census(lambda: None)["bytes"]
    assert len(holders) == 3
    assert 1 <= after.number - before.number < 20
    assert size <= after.size_bytes - before.size_bytes < 1.2 * size


class Unmeasured:
    def __sizeof__(self) -> int:
        raise RuntimeError("no size")


def test_what_has_no_size_is_counted_all_the_same() -> None:
    strange = Unmeasured()
    census = take_census(lambda: None)
    assert type(strange) is Unmeasured
    assert census[f"{__name__}.Unmeasured"].number == 1
    assert census[f"{__name__}.Unmeasured"].size_bytes == 0


def test_there_is_a_rest_after_each_piece() -> None:
    kept = [[number] for number in range(20 * PIECE)]
    rests = []
    take_census(lambda: rests.append(1))
    assert len(rests) >= len(kept) / PIECE


def test_what_a_plain_dict_holds_is_counted_too() -> None:
    gc.collect()  # else what others have left goes meanwhile
    before = take_census(lambda: None).get("bytes", Held(0, 0))
    kept = [{"body": bytes(1000 * LARGE_BYTES + number)} for number in range(3)]
    gc.collect()
    assert not any(gc.is_tracked(one) for one in kept)
    after = take_census(lambda: None)["bytes"]
    assert after.size_bytes - before.size_bytes >= 3000 * LARGE_BYTES
