"""What gunicorn calls while it starts, reloads and ends workers."""

import os
import signal
from typing import Any

from bpx.server.shared import SUCCESSION
from bpx.server.start import refuse_to_start

_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_LISTENS_AGAIN: list[bool] = []  # whether the master does, after each fork


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


def _before_fork(server: Any, worker: Any) -> None:
    """Keep what tells a worker to end waiting until the worker has handlers for it.

    A new process has the master's handlers at first, which only take note: a stop in that moment
    would be lost, and the master would wait for the whole graceful time.
    """
    SUCCESSION.expect(worker.age)
    if not _LISTENS_AGAIN:
        os.register_at_fork(after_in_parent=_listen_again)
        _LISTENS_AGAIN.append(True)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)


def _end_when_told(server: Any, worker: Any) -> None:
    """Let a worker that is still starting end at once; gunicorn replaces these handlers."""
    for number in _ENDINGS:
        signal.signal(number, lambda *_: os._exit(0))
    _listen_again()


def _listen_again() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)


HOOKS: dict[str, Any] = {
    "nworkers_changed": _one_worker,
    "when_ready": _stop_gently_on_interrupt,
    "pre_fork": _before_fork,
    "post_fork": _end_when_told,
    "worker_exit": lambda server, worker: SUCCESSION.leave(worker.age),
}
