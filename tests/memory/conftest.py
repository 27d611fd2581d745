import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _few_objects() -> Iterator[None]:
    """Leave out of every census what other tests have made: it would take seconds to be counted."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
