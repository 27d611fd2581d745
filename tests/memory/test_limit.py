import pytest

from bpx.memory.limit import Limit, Step

LIMIT = Limit(1000)


@pytest.mark.parametrize(
    ("resident", "cached", "was_full", "step"),
    [
        (100, 90, False, Step(False, 0)),
        (900, 500, False, Step(False, 0)),
        (901, 500, False, Step(True, 51)),
        (990, 500, True, Step(True, 140)),
        (880, 500, True, Step(True, 30)),  # room again only at the lower mark
        (880, 500, False, Step(False, 0)),
        (850, 500, True, Step(False, 0)),
        (2000, 100, True, Step(True, 50)),  # not all of it: memory is elsewhere
        (2000, 40, True, Step(True, 0)),
        (2000, 0, False, Step(True, 0)),
    ],
)
def test_what_is_done_depends_on_how_close_it_is(resident, cached, was_full, step) -> None:
    assert LIMIT.step(resident, cached, was_full=was_full) == step
