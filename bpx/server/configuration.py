"""gunicorn's settings, from bpx's. Read in the unpatched master: opens and patches no socket."""

import os
import re
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from bpx import logs
from bpx.errors import BadOption
from bpx.settings import Settings, load
from bpx.settings.reading import unknown_variables

MARKETS = {"spot": ("spot",), "futures": ("futures",), "both": ("spot", "futures")}
_CONNECTIONS = 10_000
_RESERVED_DESCRIPTORS = 256  # for calls to Binance, streams, logs


def markets_of(application: str, settings: Settings) -> tuple[str, ...]:
    """Return the markets that `wsgi:<application>` serves.

    Raises:
        BadOption: all of them are disabled, or there is no such application.
    """
    if application not in MARKETS:
        raise BadOption(f"there is no wsgi:{application}; choose wsgi:{', wsgi:'.join(MARKETS)}")
    disabled = {"spot": settings.spot_disabled, "futures": settings.futures_disabled}
    enabled = tuple(market for market in MARKETS[application] if not disabled[market])
    if not enabled:
        raise BadOption(f"wsgi:{application} and --disable-{application} contradict each other")
    return enabled


def application_of(argv: Sequence[str]) -> str:
    """Return the name after `wsgi:` on gunicorn's command line; `spot` for another application."""
    for text in argv[1:]:
        if match := re.fullmatch(r"wsgi:(\w+)(\(\))?", text):
            return match[1]
    return "spot"


def gunicorn_settings(application: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return gunicorn's settings, or end the process with one line and exit code 2."""
    try:
        settings = load([], environ)
        markets = markets_of(application, settings)
        _begin_to_log(settings, environ)
    except BadOption as error:
        refuse_to_start(str(error))
    return {
        **_ports(application, markets, settings),
        **_FIXED,
        "worker_connections": _connection_limit(),
        # gunicorn wants whole seconds, and the worker ends by its own, exact time before.
        "graceful_timeout": ceil(settings.shutdown_timeout_s) + 2,
    }


def refuse_to_start(reason: str) -> Any:
    """End the process: one line, exit code 2."""
    print(f"bpx: {reason}", file=sys.stderr, flush=True)
    sys.exit(2)


def _begin_to_log(settings: Settings, environ: Mapping[str, str]) -> None:
    try:
        logs.configure(
            level=settings.log_level,
            as_json=settings.structured_logs or settings.log_format == "json",
            output=settings.log_output,
            are_forwards_shown=settings.forwards_shown,
        )
    except OSError as error:
        raise BadOption(f"--logging.output (BPX_LOG_OUTPUT) cannot be written: {error}") from error
    for name in unknown_variables(environ):
        logs.log.warning("%s is no option of bpx, and has no effect", name)


def _ports(application: str, markets: Sequence[str], settings: Settings) -> dict[str, Any]:
    ports = {"spot": settings.port_spot, "futures": settings.port_futures}
    own = [ports[market] for market in markets]
    if settings.metrics_enabled and settings.operators_port(application) in own:
        port = settings.operators_port(application)
        refuse_to_start(f"--features.metrics-port and a market's port are both {port}")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host

    def check(server: Any) -> None:
        if len(markets) > 1 and len(server.cfg.bind) != len(markets):
            refuse_to_start(f"wsgi:{application} needs {len(markets)} addresses: "
                            f"-b for {', then -b for '.join(markets)}")  # fmt: skip

    return {"bind": [f"{host}:{port}" for port in own], "on_starting": check}


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


def _end_when_told(server: Any, worker: Any) -> None:
    """Let a worker that is still starting end at once.

    Until gunicorn gives it handlers of its own it has the master's, which only take note: a stop
    in that moment would be lost, and the master would wait for the whole graceful time.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: os._exit(0))


def _connection_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS + _RESERVED_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _CONNECTIONS
    return max(1, min(_CONNECTIONS, soft - _RESERVED_DESCRIPTORS))


_FIXED: dict[str, Any] = {
    "workers": 1,
    "nworkers_changed": _one_worker,
    "post_fork": _end_when_told,
    "worker_class": "bpx.server.worker.Worker",
    "logger_class": "bpx.server.log.GunicornLog",
    "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
    "preload_app": False,
    "proc_name": "bpx",
    "keepalive": 1,  # any but 0: the worker has its own, exact times
    "timeout": 30,
    "limit_request_line": 8190,
    "limit_request_fields": 100,
    "limit_request_field_size": 8190,
    "http_parser": "python",
    "control_socket_disable": True,
    "forwarded_allow_ips": "",
    "forwarder_headers": "",
    "accesslog": None,  # requests are counted, not logged
}
