"""The simulated exchange of `python -m bpx simulate`, served until it is told to stop."""

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

from bpx.simulator.clock import Clock
from bpx.simulator.exchange import Exchange
from bpx.simulator.recordings import open_recording
from bpx.simulator.replay import Replay
from bpx.simulator.server import Server
from bpx.simulator.tls import Certificate, make_certificate
from bpx.simulator.venue import Venue

MARKETS = ("spot", "futures")


def venues_of(options: argparse.Namespace) -> list[Venue]:
    """Return what the options of the command want to be served.

    Raises:
        FileNotFoundError: there is no such recording.
    """
    if options.replay is not None:
        return [Replay(open_recording(Path(options.replay)))]
    start_ms, (key, secret) = int(time() * 1000), options.account
    return [
        Exchange(
            market,
            start_ms,
            seed=options.seed,
            full_size=options.full_size,
            accounts={key: secret},
        )
        for market in MARKETS
    ]


def serve(options: argparse.Namespace, venues: list[Venue]) -> None:
    """Serve until SIGTERM or SIGINT. Print where, one line a market.

    Raises:
        OSError: a port cannot be had.
    """
    with ExitStack() as stack:
        certificate = None
        if options.tls:
            directory = stack.enter_context(TemporaryDirectory(prefix="bpx-simulator-"))
            certificate = make_certificate(Path(directory), options.host)
        asyncio.run(_serve(options, venues, certificate))


async def _serve(
    options: argparse.Namespace, venues: list[Venue], certificate: Certificate | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ports = {"spot": options.spot_port, "futures": options.futures_port}
    started: list[Server] = []
    try:
        for venue in venues:
            server = Server(
                venue,
                Clock(venue.now_ms, options.speed),
                host=options.host,
                port=ports[venue.market],
                certificate=certificate,
            )
            await server.start()
            started.append(server)
            print(_line(server, certificate), flush=True)
        # Beside the variables, which are for scripts and therefore alone on stdout.
        print("listening: export these variables; Ctrl-C stops it", file=sys.stderr, flush=True)
        await stop.wait()
    finally:
        for server in started:
            await server.stop()


def _line(server: Server, certificate: Certificate | None) -> str:
    market = server.venue.market.upper()
    line = f"BPX_UPSTREAM_{market}_REST={server.rest_url} BPX_UPSTREAM_{market}_WS={server.ws_url}"
    return f"{line} BPX_UPSTREAM_CA_FILE={certificate.ca_file}" if certificate else line
