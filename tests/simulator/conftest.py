"""Simulated exchanges of a few lines, with the clock stopped."""

import pytest

from bpx.simulator.simulator import Simulator
from tests.simulator.tiny_venue import TinyVenue


@pytest.fixture
def sim():
    with Simulator(TinyVenue(), paused=True) as simulator:
        yield simulator


@pytest.fixture
def futures():
    with Simulator(TinyVenue("futures"), paused=True) as simulator:
        yield simulator
