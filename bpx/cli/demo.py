"""`python -m bpx demo [options]`: the proxy in front of the simulated exchange, no network."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bpx.cli.simulate import ACCOUNT

HELP = f"""\
usage: python -m bpx demo [options]

Serve both markets of a simulated exchange, without any network, until told to stop (Ctrl-C).
The options are those of the proxy: see python -m bpx -h. For example:

  python -m bpx demo --server.port-spot=9090 --server.port-futures=9091

Orders can be tried, too: signed with the key {ACCOUNT[0]!r} and the secret {ACCOUNT[1]!r}.
"""


def main(argv: Sequence[str]) -> int:
    """Serve both markets of a simulated exchange until told to stop; return the exit code.

    Args:
        argv: options of the proxy.
    """
    if {"-h", "--help"} & set(argv):
        print(HELP)
        return 0
    # Only now: help is to be had without requirements-simulator.txt, too.
    from bpx.simulator.simulator import Simulator

    accounts = dict([ACCOUNT])
    with (
        Simulator("spot", accounts=accounts) as spot,
        Simulator("futures", accounts=accounts) as futures,
    ):
        exchange = {
            "BPX_UPSTREAM_SPOT_REST": spot.rest_url,
            "BPX_UPSTREAM_SPOT_WS": spot.ws_url,
            "BPX_UPSTREAM_FUTURES_REST": futures.rest_url,
            "BPX_UPSTREAM_FUTURES_WS": futures.ws_url,
        }
        print(
            f"a simulated exchange is behind the proxy (spot {spot.rest_url}, futures "
            f"{futures.rest_url}): key {ACCOUNT[0]!r}, secret {ACCOUNT[1]!r}",
            flush=True,
        )
        return _run_until_told_to_stop([sys.executable, "-m", "bpx", *argv], exchange)


def _run_until_told_to_stop(command: Sequence[str], environ: dict[str, str]) -> int:
    proxy = subprocess.Popen(command, env=os.environ | environ)

    def stop(number: int, frame: Any) -> None:
        with suppress(ProcessLookupError):
            proxy.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return proxy.wait()
