"""The operators' port, put together."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Blueprint, Flask
from prometheus_client import CollectorRegistry

from bpx.logs import Logging
from bpx.logs.recent import Recent
from bpx.memory.process import read_resident
from bpx.operators import status
from bpx.operators.access import Access
from bpx.operators.app import create_operators_app
from bpx.operators.controls import controls
from bpx.operators.health import Vitals
from bpx.operators.history import Sampler
from bpx.operators.level import LogLevel
from bpx.operators.logs import LogReport
from bpx.operators.pages import status_pages
from bpx.operators.readings import Readings
from bpx.operators.status import Status
from bpx.runtime import Runtime


class Market(status.Market, Protocol):
    """One market that runs, and that can be told to begin anew."""

    def clear(self) -> Mapping[str, int]:
        """Forget all market data; return how much of each kind there was."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pages tell of.

    Args:
        markets: that run.
        registries: of the markets' requests.
        runtime: tasks and time.
        tasks, clients, heads: how many there are at the moment; of heads that are known.
        options: as they are in force, without secrets.
        logging: as the options want it.
        pages: further ones.
        access: who may see all pages.
        cautions: what an operator has been warned of at the start.
    """

    markets: Sequence[Market]
    registries: Sequence[CollectorRegistry]
    runtime: Runtime
    tasks: Callable[[], int]
    clients: Callable[[], int]
    heads: Callable[[], int]
    options: Mapping[str, str]
    logging: Logging
    access: Access
    pages: Sequence[Blueprint] = ()
    cautions: Sequence[str] = ()


class Desk:
    """What operators ask, and what it remembers for them.

    Attributes:
        app: of the port.
    """

    def __init__(self, parts: Parts) -> None:
        self._recent = Recent()
        logging.getLogger("bpx").addHandler(self._recent)
        told = status.Process(
            parts.tasks, parts.clients, parts.options, lambda: read_resident().resident_bytes
        )
        self._status = Status(parts.markets, told, self._recent)
        self._logs = LogReport(parts.logging.output, parts.logging.retention, parts.runtime.now)
        self._level = LogLevel(parts.runtime.now)
        self._markets = parts.markets
        self.app = self._application(parts)
        self._sampler = Sampler(self._take, parts.runtime)
        parts.runtime.spawn(self._sampler.follow)

    def drain(self) -> None:
        """Do nothing: operators are told until the end."""

    def close(self) -> None:
        """End it."""
        self._sampler.close()
        logging.getLogger("bpx").removeHandler(self._recent)

    def _application(self, parts: Parts) -> Flask:
        def vitals() -> list[Vitals]:
            return [market.vitals() for market in parts.markets]

        readings = Readings(
            vitals,
            lambda: [market.depths() for market in parts.markets],
            parts.tasks,
            parts.clients,
            parts.heads,
        )
        pages = [
            status_pages(self._status, self._logs),
            controls(self._level, self._clear),
            *parts.pages,
        ]
        return create_operators_app(
            parts.registries, vitals, parts.tasks, readings, pages, parts.access, parts.cautions
        )

    def _clear(self) -> dict[str, Mapping[str, int]]:
        return {market.vitals().market: market.clear() for market in self._markets}

    def _take(self) -> None:
        """Remember the moment."""
        self._status.take()
        self._logs.take()
        self._level.take()
