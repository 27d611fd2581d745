"""Which tests run in one process of `pytest -n`, and which of them begin first."""

import re

from xdist.scheduler import LoadScopeScheduling

from tests.faults.scale import IS_FULL

# Tests about one recording, or about one market, share a walk through it that takes long.
_WALK = re.compile(
    r"tests/(recorded|fidelity)/test_(?:books|candles|documents|equal|odd_requests)\.py"
    r".*\[(?:.*-)?(spot|futures|\w+/[A-Za-z_]+)(?:-.*)?\]"
)
# What takes longest, so that no process is left with it at the end; most of it is waiting.
_LONGEST_FIRST = (
    "tests/faults/test_gates",
    "tests/faults/test_b_",
    "tests/faults/test_c_",
    "tests/faults/test_a_",
    "tests/faults/test_f_",
    "tests/test_metrics.py",
    "tests/peers/test_data.py",
    "tests/security/",
    "tests/operators/",
    "tests/server/test_memory_options.py",
    "tests/cli/test_verify.py",
    "fidelity futures",
    "fidelity spot",
    "recorded hftbacktest/usdm",
    "recorded hftbacktest/spot",
    "tests/peers/",
    "recorded ",
    "tests/clients/",
)


def group(nodeid: str) -> str:
    """Return what a test shares its process with: the tests of its walk, or those of its file."""
    walk = _WALK.match(nodeid)
    return " ".join(walk.groups()) if walk else nodeid.partition("::")[0]


def turn(nodeid: str) -> int:
    """Return how early a test's group begins: less is earlier."""
    name = group(nodeid)
    places = [place for place, head in enumerate(_LONGEST_FIRST) if name.startswith(head)]
    return places[0] if places else len(_LONGEST_FIRST)


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """Hands whole groups to processes, in the order of the tests; with all numbers single tests."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if IS_FULL else group(nodeid)
