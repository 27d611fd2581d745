"""The pages that tell everything, for programs and for people."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from bpx.operators.logs import LogReport
from bpx.operators.status import Status

FEEDS = 1_000  # of each market, if nobody says how many
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
_FILES = {
    f"page.{kind}": (Path(__file__).parent / "page" / f"page.{kind}").read_bytes()
    for kind in _TYPES
}
# The page loads nothing of others, sends nothing to others, and cannot be put into a frame.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def status_pages(status: Status, logs: LogReport) -> Blueprint:
    """Build /status and /logs, and the page for people, which draws the one."""
    pages = Blueprint("status", __name__)

    @pages.get("/")
    def page() -> Response:
        return _file("page.html")

    @pages.get("/page.<any(css, js):kind>")
    def part(kind: str) -> Response:
        return _file(f"page.{kind}")

    @pages.get("/status")
    def everything() -> dict[str, Any]:
        feeds = request.args.get("feeds", FEEDS, type=int)
        return status.shown(max(0, feeds))

    @pages.get("/logs")
    def log() -> dict[str, Any]:
        return logs.shown()

    return pages


def _file(name: str) -> Response:
    response = Response(_FILES[name], content_type=_TYPES[name.rpartition(".")[2]])
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    return response
