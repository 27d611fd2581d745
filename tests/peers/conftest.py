from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bpx.simulator.simulator import Simulator
from tests.peers.place import QUICK, Place, upstream_of
from tests.proxy import Proxy, running_proxy


@dataclass
class Stage:
    """The proxy of both markets, in front of both exchanges."""

    proxy: Proxy
    spot: Place
    futures: Place


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    with (
        Simulator("spot") as spot,
        Simulator("futures") as futures,
        running_proxy("both", QUICK | upstream_of(spot, futures)) as proxy,
    ):
        stage = Stage(proxy, Place(spot, proxy.urls[0]), Place(futures, proxy.urls[1]))
        for place, path in ((stage.spot, "/api/v3"), (stage.futures, "/fapi/v1")):
            wait_for_listing(place, path)
        yield stage
        for place in (stage.spot, stage.futures):
            place.session.close()


@pytest.fixture
def spot(stage: Stage) -> Iterator[Place]:
    yield stage.spot
    stage.spot.mend()


@pytest.fixture
def futures(stage: Stage) -> Iterator[Place]:
    yield stage.futures
    stage.futures.mend()


def wait_for_listing(place: Place, path: str) -> None:
    """Wait until the proxy knows the symbols."""
    from tests.waiting import eventually

    eventually(lambda: place.ask(f"{path}/exchangeInfo").headers["Data-Source"] == "cache")
