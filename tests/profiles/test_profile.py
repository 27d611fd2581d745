import sys

from bpx.profiles.profile import MOST_FRAMES, Place, places, stack


def here():
    secret = "canary0canary"
    return places(sys._getframe()), secret


def deep(levels):
    return places(sys._getframe()) if levels == 0 else deep(levels - 1)


def test_a_stack_begins_with_what_runs() -> None:
    met, _ = here()
    inner, caller = stack(met)[:2]
    assert inner.function == f"{__name__}.here"
    assert (inner.file, inner.first_line) == (__file__, here.__code__.co_firstlineno)
    assert inner.line == here.__code__.co_firstlineno + 2
    name = test_a_stack_begins_with_what_runs.__qualname__
    assert caller.function == f"{__name__}.{name}"


def test_no_variable_is_taken() -> None:
    met, secret = here()
    assert all(type(place) is Place for place in met)
    assert secret not in repr(stack(met))


def test_a_very_deep_stack_loses_its_outermost_frames() -> None:
    met = deep(2 * MOST_FRAMES)
    assert len(met) == MOST_FRAMES
    assert {place.code for place in met} == {deep.__code__}


def test_there_may_be_no_frame() -> None:
    assert places(None) == ()
