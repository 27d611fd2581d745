"""What gunicorn calls while it starts, reloads and ends workers."""

import os
import signal
from contextlib import suppress
from functools import partial
from typing import Any

from bpx.server.shared import NOTIFYING, SUCCESSION
from bpx.server.start import refuse_to_start

_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_PASSED_ON = {  # what the master is told, and what its workers are
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGINT: signal.SIGTERM,
    signal.SIGQUIT: signal.SIGQUIT,
}
_LATER_S = 5.0  # than the graceful time, at most, the master has ended
_ENDS: list[int] = []  # the signals by which the master has been told to
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


def _pass_on_endings(server: Any) -> None:
    """Have workers told to end as soon as their master is.

    A reload keeps the master busy until the old worker has gone: what it is told meanwhile, it
    would tell nobody. Ctrl-C finishes the requests under way, as SIGTERM does.
    """
    for told, passed in _PASSED_ON.items():
        signal.signal(told, partial(_pass_on, server, passed))
    server.handle_term = partial(_end, server)


def _end(server: Any) -> None:
    told = next(iter(_ENDS), signal.SIGTERM)  # none: gunicorn's own handler took it, at the start
    server.log.info("told to end by %s", signal.Signals(told).name)
    raise StopIteration  # as gunicorn's own


def _pass_on(server: Any, number: int, told: int, *_: object) -> None:
    if not _ENDS and not server.reexec_pid:  # another master goes on, after SIGUSR2
        NOTIFYING.stopping(server.cfg.graceful_timeout + _LATER_S)
    _ENDS.append(told)
    for pid in list(server.WORKERS):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    server.signal(number, None)  # and what the master does itself, when it comes to it


def _end_undisturbed(server: Any) -> None:
    """Let nothing change the exit code: the interpreter, as it ends, puts its handlers away."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _before_fork(server: Any, worker: Any) -> None:
    """Keep what tells a worker to end waiting until the worker has handlers for it.

    A new process has the master's handlers at first, which only take note: a stop in that moment
    would be lost, and the master would wait for the whole graceful time.
    """
    if not _ENDS:
        SUCCESSION.expect(worker.age)
    if not _LISTENS_AGAIN:
        os.register_at_fork(after_in_parent=_listen_again)
        _LISTENS_AGAIN.append(True)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)


def _end_when_told(server: Any, worker: Any) -> None:
    """Let a worker that is still starting end at once; gunicorn replaces these handlers.

    One that is started although all is to end, does so too.
    """
    if _ENDS:
        os._exit(0)
    for number in _ENDINGS:
        signal.signal(number, lambda *_: os._exit(0))
    _listen_again()


def _listen_again() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)


def _leave(server: Any, worker: Any) -> None:
    SUCCESSION.leave(worker.age)


HOOKS: dict[str, Any] = {
    "nworkers_changed": _one_worker,
    "when_ready": _pass_on_endings,
    "pre_fork": _before_fork,
    "post_fork": _end_when_told,
    "on_exit": _end_undisturbed,
    "worker_exit": _leave,
    "child_exit": _leave,  # in the master, and however it ended
}
