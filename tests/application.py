"""A market's application in this process: threads instead of greenlets, a client without HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from flask import Flask

from bpx.app import create_app
from bpx.settings import load
from bpx.simulator.simulator import Simulator
from tests.runtime import ThreadRuntime


class EndingRuntime(ThreadRuntime):
    """All sleep ends when `ended` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = Event()

    def sleep(self, seconds: float) -> None:
        self.ended.wait(seconds)


@contextmanager
def application(sim: Simulator, *flags: str, **options: str) -> Iterator[Flask]:
    """Give the application of the simulator's market, and see to it that all of it ends.

    Args:
        sim: the exchange.
        flags: as on the command line.
        options: variables, by name.
    """
    name = sim.venue.market
    environment = {
        f"BPX_UPSTREAM_{name.upper()}_REST": sim.rest_url,
        f"BPX_UPSTREAM_{name.upper()}_WS": sim.ws_url,
    }
    runtime = EndingRuntime()
    app = create_app(name, load(list(flags), environment | options), runtime)
    try:
        yield app
    finally:
        app.extensions["bpx.house"].close()
        runtime.ended.set()
        for thread in runtime.threads:
            thread.join(20)
            assert not thread.is_alive()
