from collections.abc import Iterator

import pytest

from tests.faults.figures import end_of_test
from tests.faults.scale import LONG, PATIENT
from tests.faults.stage import Stage, staged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long, and what is patient."""
    for item in items:
        name = getattr(item, "originalname", None)
        if name in LONG:
            item.add_marker(pytest.mark.long)
        if name in PATIENT:
            item.add_marker(pytest.mark.patient)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What was measured counts if the test holds."""
    if report.when == "call":
        end_of_test(report.passed)


@pytest.fixture(scope="module")
def whole_stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    """One proxy for the tests of a file that leave no hold and no open breaker behind."""
    whole_stage.exchange.mend()
    yield whole_stage
    whole_stage.exchange.mend()


@pytest.fixture(scope="module")
def whole_stage_with_breakers() -> Iterator[Stage]:
    with staged({"BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true"}) as stage:
        yield stage


@pytest.fixture
def guarded(whole_stage_with_breakers: Stage) -> Iterator[Stage]:
    """Another one, with breakers."""
    whole_stage_with_breakers.exchange.mend()
    yield whole_stage_with_breakers
    whole_stage_with_breakers.exchange.mend()
