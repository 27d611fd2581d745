"""Giving memory that is free back to the system: glibc keeps it otherwise."""

import ctypes
from contextlib import suppress


def trim() -> None:
    """Have the C library give back what it has free; elsewhere than with glibc nothing happens.

    Python waits for nobody meanwhile. It takes some milliseconds.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
