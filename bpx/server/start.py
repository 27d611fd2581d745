"""What is looked at before anything is started: what cannot work ends with one line and code 2."""

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

from bpx.errors import BadOption
from bpx.settings import Settings
from bpx.settings.kinds import EVERYWHERE

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
            for market, address in zip(cycle(markets), arbiter.cfg.address, strict=False):
                check_address(address, _named(market, address, settings))
            _check_apart(arbiter.cfg.address)
            _check_openness(arbiter.cfg.address, settings)
            if settings.metrics_enabled:
                operators = settings.host, settings.operators_port(application)
                _check_operators_port(operators, arbiter.cfg.address)
    except BadOption as error:
        refuse_to_start(str(error))


def _named(market: str, address: Any, settings: Settings) -> str:
    """Return what the address of a market comes from."""
    port = settings.port_spot if market == "spot" else settings.port_futures
    is_ours = address == (settings.host.lower(), port)  # as gunicorn writes it
    return f"--server.host, --server.port-{market}" if is_ours else "-b"


def check_address(address: Any, name: str = "-b") -> None:
    """Try an address, as gunicorn writes it: host and port, a path, or the number of a socket.

    Args:
        address: to try.
        name: of the options that it comes from.

    Raises:
        BadOption: nobody can listen on it now.
    """
    if isinstance(address, tuple):
        reason = _why_not(*address)
        if reason is not None:
            raise BadOption(f"{name}: cannot listen on {_written(address)}: {reason}")
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
    if application not in markets and len(cfg.bind) != len(markets):
        noun = "address" if len(markets) == 1 else "addresses"
        raise BadOption(
            f"wsgi:{application} needs {len(markets)} {noun}: "
            f"-b for {', then -b for '.join(markets)}"
        )


def _check_openness(addresses: Sequence[Any], settings: Settings) -> None:
    if settings.environment != "production" or settings.open_allowed:
        return
    for address in addresses:
        if isinstance(address, tuple) and replace(settings, host=address[0]).is_open:
            raise BadOption(
                f"-b: {_written(address)} lets everybody in who reaches this machine: in "
                "production that needs --security.keys-file, --security.allow or "
                "--security.allow-open"
            )


def _check_apart(addresses: Sequence[Any]) -> None:
    for number, one in enumerate(addresses):
        if any(do_meet(one, other) for other in addresses[:number]):
            raise BadOption(f"-b: two addresses are one: {_written(one)}")


def _check_operators_port(operators: tuple[str, int], markets: Sequence[Any]) -> None:
    reason = _why_not(*operators)
    if reason is None and any(do_meet(operators, market) for market in markets):
        reason = "a market is to have it"
    if reason is not None:
        where = _written(operators)
        raise BadOption(f"--features.metrics-port: cannot listen on {where}: {reason}")


def do_meet(one: Any, other: Any) -> bool:
    """Whether two addresses, that can both be listened on, cannot be at the same time."""
    if not (isinstance(one, tuple) and isinstance(other, tuple)):
        return isinstance(one, str) and bool(one == other)
    if one[1] != other[1] or one[1] == 0:  # 0: the system chooses
        return False
    hosts = {_resolved(*one), _resolved(*other)}
    is_version_6 = any(":" in host for host in hosts)
    return len(hosts) == 1 or "::" in hosts or (EVERYWHERE in hosts and not is_version_6)


def _resolved(host: str, port: int) -> str:
    try:
        return str(socket.getaddrinfo(host or EVERYWHERE, port)[0][4][0])
    except OSError:
        return host


def _written(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else f"unix:{address}"


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
