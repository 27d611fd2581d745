"""One world for all tests of this folder: they leave it as they found it, but for the time."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.clients import readme
from tests.clients.bot import KINDS, STYLES, Bot, running_bot, with_orders
from tests.clients.world import World, running_world


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    # exchangeInfo is not fetched again meanwhile, nothing is checked in the background, and replies
    # are not kept: every request of a test is one that it made.
    env = {
        "BPX_FRESH_EXCHANGE_INFO": "1h",
        "BPX_FRESH_ALIVE": "60s",
        "BPX_WS_ENABLE_HEALTH_CHECK": "false",
        "BPX_CACHE_REPLY_TTL": "off",
    }
    with running_world(env=env) as world:
        yield world


@pytest.fixture(scope="package")
def bots(world: World) -> Iterator[dict[str, Bot]]:
    """All kinds and styles, with a key."""
    with ExitStack() as stack:
        config = with_orders(readme.ccxt_config(*world.proxy.urls))
        yield {
            f"{kind}-{style}": stack.enter_context(running_bot(kind, style, config))
            for kind in KINDS
            for style in STYLES
        }


@pytest.fixture(scope="package")
def direct_bots(world: World) -> Iterator[dict[str, Bot]]:
    """A bot of each kind that asks the exchange itself."""
    with ExitStack() as stack:
        config = with_orders(readme.ccxt_config(world.spot.rest_url, world.futures.rest_url))
        yield {kind: stack.enter_context(running_bot(kind, "sync", config)) for kind in KINDS}


@pytest.fixture(params=[f"{kind}-{style}" for kind in KINDS for style in STYLES])
def bot(request: pytest.FixtureRequest, world: World, bots: dict[str, Bot]) -> Bot:
    """Every bot in turn; the exchange's records are empty."""
    world.forget()
    return bots[request.param]


@pytest.fixture
def direct(request: pytest.FixtureRequest, direct_bots: dict[str, Bot]) -> Bot:
    """The bot of the same kind that asks the exchange itself."""
    name: str = request.node.callspec.params["bot"]
    return direct_bots[name.partition("-")[0]]
