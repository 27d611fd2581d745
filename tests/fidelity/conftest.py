from collections.abc import Iterator
from random import Random

import pytest

from tests.fidelity import stops
from tests.fidelity.questions import Questions
from tests.fidelity.scene import Scene, scene
from tests.fidelity.walk import Verdict, Walk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long: `make test` leaves it to `make long`. A walk may take its time."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "hours" in fixtures:
            item.add_marker(pytest.mark.long)
        if "hours" in fixtures or "minutes" in fixtures:
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="package", params=["spot", "futures"])
def minutes(request: pytest.FixtureRequest) -> Iterator[tuple[Scene, list[Verdict]]]:
    """A walk of minutes that is over, and the scene as it was left."""
    market = request.param
    with scene(market, stops.START_MS["minutes"]) as made:
        walk = Walk(made, Questions(market, seed=1, symbols=()))
        walk.go(stops.minutes(market, Random(2)))
        yield made, walk.verdicts


@pytest.fixture(scope="package", params=["spot", "futures"])
def hours(request: pytest.FixtureRequest) -> Iterator[tuple[Scene, list[Verdict]]]:
    """A walk of hours that is over, with a proxy that checks quiet streams soon."""
    market = request.param
    checks = {"BPX_FRESH_QUIET_CHECK": "500ms", "BPX_FRESH_CHECK_INTERVAL": "1s"}
    with scene(market, stops.START_MS["hours"], **checks) as made:
        walk = Walk(made, Questions(market, seed=3, symbols=()))
        walk.go(stops.hours(market, Random(4)))
        yield made, walk.verdicts
