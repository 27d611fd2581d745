"""How much memory something really takes."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def measured(make: Callable[[], T]) -> tuple[T, int]:
    """Return what `make` makes, and how many bytes are there that were not before."""
    make()  # what is made once, such as a cache of the library's
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        return made, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
