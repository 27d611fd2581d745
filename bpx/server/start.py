"""What is looked at before anything is started: what cannot work ends with one line and code 2."""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from bpx.errors import BadOption
from bpx.settings import Settings

WORKER = "bpx.server.worker.Worker"


def refuse_to_start(reason: str) -> Any:
    """End the process: one line, exit code 2."""
    print(f"bpx: {reason}", file=sys.stderr, flush=True)
    sys.exit(2)


def check_start(application: str, markets: Sequence[str], settings: Settings, arbiter: Any) -> None:
    """Look at what gunicorn's own flags say; end the process if that cannot work.

    Args:
        application: its name in wsgi.py.
        markets: that it serves.
        settings: ours.
        arbiter: gunicorn's, before it has opened a port.
    """
    try:
        _check_flags(application, markets, arbiter.cfg)
        if not _is_given_sockets(arbiter.cfg):
            for address in arbiter.cfg.address:
                check_address(address)
            if settings.metrics_enabled:
                _check_operators_port(settings.host, settings.operators_port(application))
    except BadOption as error:
        refuse_to_start(str(error))


def check_address(address: Any) -> None:
    """Try an address, as gunicorn writes it: host and port, a path, or the number of a socket.

    Raises:
        BadOption: nobody can listen on it now.
    """
    if isinstance(address, tuple):
        reason = _why_not(*address)
        if reason is not None:
            where = f"{address[0]}:{address[1]}"
            raise BadOption(
                f"--server.host, --server.port-... or -b: cannot listen on {where}: {reason}"
            )
    elif isinstance(address, str) and not address.startswith("\0"):
        directory = os.path.dirname(address) or "."
        if not os.access(directory, os.W_OK):
            raise BadOption(f"-b: cannot listen on unix:{address}: {directory} is not writable")


def _check_flags(application: str, markets: Sequence[str], cfg: Any) -> None:
    if cfg.worker_class_str != WORKER:
        raise BadOption(
            f"-k accepts {WORKER}, not {cfg.worker_class_str!r}: no other waits for clients, "
            "and drains, as the options say"
        )
    if len(markets) > 1 and len(cfg.bind) != len(markets):
        raise BadOption(
            f"wsgi:{application} needs {len(markets)} addresses: "
            f"-b for {', then -b for '.join(markets)}"
        )


def _check_operators_port(host: str, port: int) -> None:
    reason = _why_not(host, port)
    if reason is not None:
        raise BadOption(f"--features.metrics-port: cannot listen on {host}:{port}: {reason}")


def _is_given_sockets(cfg: Any) -> bool:
    """Tell whether the sockets are there already: from systemd, or from a server before this."""
    return bool({"LISTEN_FDS", "GUNICORN_FD"} & set(os.environ)) or cfg.reuse_port


def _why_not(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error)
    return None
