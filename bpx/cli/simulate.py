"""`python -m bpx simulate`: the simulated exchange, or a recorded session, on two ports."""

import argparse
import sys
from collections.abc import Sequence

ACCOUNT = ("demo", "demo-secret")  # the key and the secret that sign orders, by default


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT. Print where, one line a market.

    Returns:
        0 after a signal; 2 if an option cannot be used or a port cannot be had.
    """
    options = parser().parse_args(argv)
    # Only now: help is to be had without requirements-simulator.txt, too.
    from bpx.cli.serving import serve, venues_of

    try:
        venues = venues_of(options)
    except FileNotFoundError as error:
        return _refused(f"--replay: {error}")
    try:
        serve(options, venues)
    except OSError as error:
        return _refused(f"cannot listen: {error.strerror or error}")
    return 0


def _refused(reason: str) -> int:
    print(f"bpx: {reason}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m bpx simulate",
        description="Run the simulated exchange.",
        epilog="Example: python -m bpx simulate --speed 10 --account key:secret",
    )
    add = options.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--spot-port", type=_port, default=9443, help="0 for any free one (%(default)s)")
    add("--futures-port", type=_port, default=9444, help="0 for any free one (%(default)s)")
    add("--speed", type=_speed, default=1.0, help="exchange seconds a second (%(default)s)")
    add("--seed", type=int, default=1, help="another seed is another market (%(default)s)")
    add("--full-size", action="store_true", help="exchangeInfo at today's full size")
    add("--tls", action="store_true", help="https and wss, with a certificate made at start")
    add(
        "--account",
        type=_account,
        default=ACCOUNT,
        metavar="KEY:SECRET",
        help=f"whose signed requests are taken ({':'.join(ACCOUNT)})",
    )
    add(
        "--replay",
        metavar="SESSION",
        help="play a recorded session instead: the path of its folder; only its market is served",
    )
    return options


def _account(text: str) -> tuple[str, str]:
    key, colon, secret = text.partition(":")
    if not (key and colon and secret):
        raise ValueError(text)
    return key, secret


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed < 1_000_000:
        raise ValueError(text)
    return speed
