"""The memory of the process, on the operators' port."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint

from bpx.memory.caches import Caches
from bpx.memory.collector import read_collector
from bpx.memory.guard import Guard
from bpx.memory.monitor import Monitor
from bpx.memory.process import read_resident
from bpx.memory.trend import slope


def memory_blueprint(monitor: Monitor, caches: Mapping[str, Caches], guard: Guard) -> Blueprint:
    """Build the page /memory.

    Args:
        monitor: knows how memory goes on.
        caches: of each market.
        guard: keeps memory below its limit.
    """
    pages = Blueprint("memory", __name__)

    @pages.get("/memory")
    def memory() -> dict[str, Any]:
        return {
            "process": asdict(read_resident()),
            "limit": _limit(guard),
            "leak": _leak(monitor),
            "collector": asdict(read_collector()),
            "objects": _objects(monitor),
            "caches": {
                market: {name: held._asdict() for name, held in one.held().items()}
                for market, one in caches.items()
            },
            "pools": {market: one.pools() for market, one in caches.items()},
        }

    return pages


def _limit(guard: Guard) -> dict[str, Any]:
    return {
        "most_bytes": guard.limit.most_bytes,
        "is_full": guard.room.is_full,
        "ended": guard.ended,
        "given_back_bytes": guard.given_back_bytes,
    }


def _leak(monitor: Monitor) -> dict[str, Any]:
    verdict, samples = monitor.verdict, monitor.samples
    return {
        "verdict": verdict.leak.value,
        "reason": verdict.reason,
        "grows_bytes_per_hour": verdict.grows_bytes_per_hour,
        "types": [asdict(one) for one in verdict.types],
        "looks": len(samples),
        "over_s": round(samples[-1].at - samples[0].at, 1) if samples else 0.0,
        "python_blocks": samples[-1].blocks if samples else 0,
        "python_blocks_per_hour": round(3600 * slope([(one.at, one.blocks) for one in samples])),
        "given_back_bytes": monitor.given_back_bytes,
    }


def _objects(monitor: Monitor) -> dict[str, Any]:
    found = monitor.grown()
    if found is None:
        return {"reason": "they are being counted for another; try again"}
    over_s, census, grown = found
    largest = sorted(census.items(), key=lambda row: row[1].size_bytes, reverse=True)[:20]
    return {
        "number": sum(held.number for held in census.values()),
        "largest": [{"name": name, **held._asdict()} for name, held in largest],
        "grown": [asdict(one) for one in grown],
        "grown_over_s": round(over_s, 1),
    }
