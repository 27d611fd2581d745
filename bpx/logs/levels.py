"""How important a line is."""

import logging
from types import MappingProxyType

TRACE = 5
LEVELS = MappingProxyType({
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
})  # fmt: skip


def name_levels() -> None:
    """Have the standard library call our levels by our names."""
    logging.addLevelName(TRACE, "TRACE")
    logging.addLevelName(logging.WARNING, "WARN")


def level_of(number: int) -> str:
    """Return the name of a level; of one between two, the lower's."""
    return max(
        (name for name, lowest in LEVELS.items() if lowest <= number),
        key=LEVELS.__getitem__,
        default="trace",
    )
