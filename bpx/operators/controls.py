"""What operators may change while the process runs."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, request

from bpx.operators.level import BadLevel, LogLevel

Page = tuple[dict[str, Any], int]
Cleared = Mapping[str, Mapping[str, int]]


def controls(level: LogLevel, clear: Callable[[], Cleared]) -> Blueprint:
    """Build /log-level and /cache/clear.

    Args:
        level: of the log.
        clear: forgets all market data; returns how much of each kind there was, by market.
    """
    pages = Blueprint("controls", __name__)

    @pages.get("/log-level")
    def shown() -> Page:
        return level.shown(), 200

    @pages.put("/log-level")
    def set_level() -> Page:
        asked = request.get_json()
        asked = asked if isinstance(asked, dict) else {}
        try:
            level.set(asked.get("level"), asked.get("for_s"))
        except BadLevel as error:
            return {"code": -1000, "msg": str(error)}, 400
        return level.shown(), 200

    @pages.post("/cache/clear")
    def clear_all() -> Page:
        return {"cleared": clear()}, 200

    return pages
