"""What gunicorn calls while it starts, reloads and ends workers."""

import os
import signal
from typing import Any

from bpx.server.shared import SUCCESSION
from bpx.server.start import refuse_to_start


def _one_worker(server: Any, workers: int, before: int | None) -> None:
    if workers <= 1:
        return
    if before is not None:  # SIGTTIN
        server.log.error("still one worker: caches, streams and the budget live in its memory")
        server._num_workers = before
        return
    refuse_to_start(
        f"--workers accepts 1, not {workers}: caches, streams and the request budget live in "
        "the memory of one worker"
    )


def _stop_gently_on_interrupt(server: Any) -> None:
    """Let Ctrl-C finish the requests under way, as SIGTERM does; SIGQUIT does not wait."""
    signal.signal(signal.SIGINT, lambda *_: server.signal(signal.SIGTERM, None))


def _end_when_told(server: Any, worker: Any) -> None:
    """Let a worker that is still starting end at once.

    Until gunicorn gives it handlers of its own it has the master's, which only take note: a stop
    in that moment would be lost, and the master would wait for the whole graceful time.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: os._exit(0))


HOOKS: dict[str, Any] = {
    "nworkers_changed": _one_worker,
    "when_ready": _stop_gently_on_interrupt,
    "pre_fork": lambda server, worker: SUCCESSION.expect(worker.age),
    "post_fork": _end_when_told,
    "worker_exit": lambda server, worker: SUCCESSION.leave(worker.age),
}
