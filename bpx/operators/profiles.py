"""Profiles of the process, on the operators' port, as Go's `net/http/pprof` has them."""

from collections.abc import Callable
from typing import Any, Protocol

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from bpx.errors import Occupied
from bpx.profiles.pprof import encode
from bpx.profiles.profile import Profile
from bpx.profiles.text import as_text
from bpx.runtime import Runtime

ROOT = "/debug/pprof"
SECONDS = 30  # for which `profile` is taken, if nothing is said
MOST_SECONDS = 300
_TEXT = "text/plain; charset=utf-8"
_INDEX = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Profiles of bpx</title>
<h1>Profiles of bpx</h1>
<ul>
<li><a href="profile?seconds=30">profile</a>: where the worker is busy, for <code>seconds</code>
 (1 to 300; 30)
<li><a href="heap">heap</a>: what is in memory, by type; with <code>seconds</code>: what is
 allocated meanwhile and still there, by place, while allocating costs more
<li><a href="goroutine">goroutine</a>: where every greenlet and every thread is
</ul>
<p>For <code>go tool pprof</code> and speedscope; as text with <code>?debug=1</code>
(<a href="profile?seconds=5&amp;debug=1">5 s</a>, <a href="heap?debug=1">heap</a>,
<a href="goroutine?debug=1">goroutine</a>).
"""


class Profiling(Protocol):
    """Takes profiles of this process."""

    def busy(self, seconds: float, is_gone: Callable[[], bool]) -> Profile:
        """Return where the process is busy for so long, or until nobody waits for it.

        Raises:
            Occupied: another is being taken.
        """

    def waiting(self) -> Profile:
        """Return where all tasks and threads are."""

    def heap(self, seconds: float, is_gone: Callable[[], bool]) -> Profile:
        """Return what is in memory: by type, or what is allocated in so many seconds by place.

        Raises:
            Occupied: another is being taken.
        """


def profiles_blueprint(profiling: Profiling, runtime: Runtime) -> Blueprint:
    """Build the pages.

    Args:
        profiling: takes the profiles.
        runtime: threads, to write them.
    """
    pages = Blueprint("profiles", __name__, url_prefix=ROOT)

    def reply(name: str, profile: Profile) -> Response:
        if request.args.get("debug", "0") != "0":
            return Response(runtime.offload(as_text, profile), content_type=_TEXT)
        return Response(
            runtime.offload(encode, profile),
            content_type="application/octet-stream",
            headers=[("Content-Disposition", f'attachment; filename="{name}.pb.gz"')],
        )

    @pages.get("/")
    def index() -> Response:
        return Response(_INDEX, content_type="text/html; charset=utf-8")

    @pages.get("/profile")
    def profile() -> Response:
        return reply("profile", profiling.busy(_seconds(SECONDS, 1), _is_gone()))

    @pages.get("/heap")
    def heap() -> Response:
        return reply("heap", profiling.heap(_seconds(0, 0), _is_gone()))

    @pages.get("/goroutine")
    def goroutine() -> Response:
        return reply("goroutine", profiling.waiting())

    pages.register_error_handler(BadRequest, _explain)
    pages.register_error_handler(Occupied, _refuse)
    return pages


def _explain(error: BadRequest) -> tuple[dict[str, Any], int]:
    return {"code": -1000, "msg": error.description}, 400


def _refuse(error: Occupied) -> tuple[dict[str, Any], int, dict[str, str]]:
    return {"code": -1000, "msg": str(error)}, 409, {"Retry-After": error.retry_after}


def _seconds(default: int, least: int) -> int:
    """Return for how long an operator wants a profile to be taken."""
    text = request.args.get("seconds", str(default))
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= MOST_SECONDS:
        raise BadRequest(f"seconds accepts a whole number from {least} to {MOST_SECONDS}")
    return int(text)


def _is_gone() -> Callable[[], bool]:
    """Return what tells whether the operator still waits."""
    is_gone: Callable[[], bool] = request.environ.get("bpx.is_gone", lambda: False)
    return is_gone
