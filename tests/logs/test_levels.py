import logging

import pytest

from bpx.logs.levels import LEVELS, TRACE, level_of


@pytest.mark.parametrize("name", LEVELS)
def test_a_level_has_its_name(name: str) -> None:
    assert level_of(LEVELS[name]) == name


def test_what_lies_between_two_levels_has_the_lower_ones_name() -> None:
    assert level_of(logging.CRITICAL) == "error"
    assert level_of(logging.INFO + 1) == "info"
    assert level_of(TRACE - 1) == "trace"
