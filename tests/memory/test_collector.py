import gc

from bpx.memory.collector import read_collector


def test_it_counts_what_the_collector_does() -> None:
    gc.collect()  # so that it does so by itself only after many more objects
    before = read_collector()
    loop: list[object] = []
    loop.append(loop)
    del loop
    gc.collect()
    after = read_collector()
    assert after.is_enabled
    assert len(after.generations) == 3
    assert after.generations[2].collections == before.generations[2].collections + 1
    assert after.generations[2].collected > before.generations[2].collected
    assert [one.threshold for one in after.generations] == list(gc.get_threshold())


def test_it_tells_what_is_frozen() -> None:
    gc.freeze()
    try:
        assert read_collector().frozen > 1000
    finally:
        gc.unfreeze()
    assert read_collector().frozen == 0
