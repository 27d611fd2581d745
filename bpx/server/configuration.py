"""gunicorn's settings, from bpx's. Read in the unpatched master: opens and patches no socket."""

import os
import re
import resource
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from math import ceil
from typing import Any

from bpx import logs
from bpx.access.keyfile import load_keys
from bpx.errors import BadOption
from bpx.logs.audit import configure_audit
from bpx.server.hooks import HOOKS
from bpx.server.start import WORKER, check_start
from bpx.server.tls import check_certificate
from bpx.settings import Settings
from bpx.settings.deprecated import deprecations
from bpx.settings.reading import unknown_variables

MARKETS = {"spot": ("spot",), "futures": ("futures",), "both": ("spot", "futures")}
_CONNECTIONS = 10_000
_MB = 2**20
_IN_MEMORY = "/dev/shm"  # nosec B108
_DAY_S = 86_400.0
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


def application_for(settings: Settings) -> str:
    """Return the name of the application that serves all markets that are not disabled."""
    if settings.spot_disabled:
        return "futures"
    return "spot" if settings.futures_disabled else "both"


def gunicorn_settings(application: str, settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings.

    Raises:
        BadOption: the options contradict each other.
    """
    markets = markets_of(application, settings)
    if settings.has_keys:
        load_keys(settings.keys_file, settings.keys)
    check_certificate(settings)
    return {
        **FIXED,
        "bind": _addresses(application, markets, settings),
        "on_starting": partial(check_start, application, markets, settings),
        "worker_connections": _connection_limit(),
        # gunicorn wants whole seconds, and the worker ends by its own, exact times before: that
        # to finish requests, then three seconds to say good-bye to the exchange.
        "graceful_timeout": ceil(settings.shutdown_timeout_s) + 5,
    }


def logging_of(settings: Settings) -> logs.Logging:
    """Return how the options want the log."""
    limit = logs.Rate(settings.log_rate_per_s, settings.log_burst)
    return logs.Logging(
        level=settings.log_level,
        is_json=settings.log_format == "json",
        has_fields=settings.structured_logs,
        output=settings.log_output,
        retention=logs.Retention(
            max_bytes=settings.log_max_size_mb * _MB,
            backups=settings.log_max_backups,
            max_age_s=settings.log_max_age_days * _DAY_S,
            max_total_bytes=settings.log_max_disk_mb * _MB,
            interval_s=settings.log_cleanup_interval_s,
            is_compressed=settings.log_compressed,
        ),
        rate=limit if settings.log_rate_limited else None,
        is_sampled=settings.log_sampled,
        are_forwards_shown=settings.forwards_shown,
    )


def begin_to_log(settings: Settings, argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Log as the options want it from now on.

    Raises:
        BadOption: the log cannot be written; then all stays as it was.
    """
    try:
        logs.configure(logging_of(settings))
    except (OSError, ValueError) as error:
        raise BadOption(f"--logging.output (BPX_LOG_OUTPUT) cannot be written: {error}") from error
    try:
        configure_audit(settings.audit_file, logging_of(settings).retention)
    except OSError as error:
        raise BadOption(f"--security.audit-file cannot be written: {error}") from error
    for name in unknown_variables(environ):
        logs.log.warning("%s is no option of bpx, and has no effect", name)
    for line in deprecations(argv, environ):
        logs.log.warning(line)


def _addresses(application: str, markets: Sequence[str], settings: Settings) -> list[str]:
    every = {"spot": settings.port_spot, "futures": settings.port_futures}
    ports = {f"--server.port-{market}": every[market] for market in markets}
    own = list(ports.values())
    if settings.metrics_enabled:
        ports["--features.metrics-port"] = settings.operators_port(application)
    for one, other in combinations(sorted(ports), 2):
        if ports[one] == ports[other]:
            raise BadOption(f"{one} and {other} are both {ports[one]}; they must differ")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return [f"{host}:{port}" for port in own]


def _connection_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS + _RESERVED_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _CONNECTIONS
    return max(1, min(_CONNECTIONS, soft - _RESERVED_DESCRIPTORS))


FIXED: dict[str, Any] = {
    **HOOKS,
    "workers": 1,
    "worker_class": WORKER,
    "logger_class": "bpx.server.log.GunicornLog",
    "worker_tmp_dir": _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None,
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
    "header_map": "refuse",  # names with an underscore: they may pass for others
    "accesslog": None,  # requests are counted, not logged
}
