"""Lines about requests."""

import logging

log = logging.getLogger("bpx")
REQUESTS = logging.getLogger("bpx.requests")
FORWARDS = logging.getLogger("bpx.forwards")


def log_request(
    market: str, method: str, endpoint: str, source: str, status: int, took_s: float
) -> None:
    """Log an answered request, at debug level."""
    if REQUESTS.isEnabledFor(logging.DEBUG):
        REQUESTS.debug(
            "%s %s %s -> %s from %s in %.1f ms",
            market, method, endpoint, status, source, took_s * 1000,
            extra={"market": market, "endpoint": endpoint, "source": source, "status": status,
                   "duration_ms": round(took_s * 1000, 2)},
        )  # fmt: skip


def log_forward(market: str, method: str, path: str, status: int, took_s: float) -> None:
    """Log a forwarded request: at debug level, or always if the operator wants to see them."""
    level = logging.INFO if FORWARDS.level else logging.DEBUG
    if FORWARDS.isEnabledFor(level):
        path = path.partition("?")[0]
        FORWARDS.log(level, "%s %s %s -> %s in %.0f ms", market, method, path, status,
                     took_s * 1000,
                     extra={"market": market, "endpoint": path, "source": "upstream",
                            "status": status, "duration_ms": round(took_s * 1000, 1)})  # fmt: skip
