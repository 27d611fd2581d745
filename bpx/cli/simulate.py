"""`python -m bpx simulate`: the simulated exchange, or a recorded session, on two ports."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
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

RECORDED = Path("..") / "shared" / "recorded"
_MARKETS = ("spot", "futures")


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT. Print where, one line a market.

    Returns:
        0 after a signal; 1 if a port cannot be had; 2 if an option cannot be used.
    """
    options = parser().parse_args(argv)
    try:
        venues = _venues(options)
    except FileNotFoundError as error:
        print(f"--replay: {error}", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        certificate = None
        if options.tls:
            directory = stack.enter_context(TemporaryDirectory(prefix="bpx-simulator-"))
            certificate = make_certificate(Path(directory), options.host)
        try:
            asyncio.run(_serve(options, venues, certificate))
        except OSError as error:
            print(f"cannot listen: {error}", file=sys.stderr)
            return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m bpx simulate", description="Run the simulated exchange."
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
        "--replay",
        metavar="SESSION",
        help="play a recorded session instead: its path, or its place in ../shared/recorded, "
        "such as cryptofeed/BINANCE; only its market is served",
    )
    return options


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


def _venues(options: argparse.Namespace) -> list[Venue]:
    if options.replay is None:
        start_ms = int(time() * 1000)
        return [
            Exchange(market, start_ms, seed=options.seed, full_size=options.full_size)
            for market in _MARKETS
        ]
    try:
        return [Replay(open_recording(Path(options.replay)))]
    except FileNotFoundError:
        return [Replay(open_recording(RECORDED / options.replay))]


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
        await stop.wait()
    finally:
        for server in started:
            await server.stop()


def _line(server: Server, certificate: Certificate | None) -> str:
    market = server.venue.market.upper()
    line = f"BPX_UPSTREAM_{market}_REST={server.rest_url} BPX_UPSTREAM_{market}_WS={server.ws_url}"
    return f"{line} BPX_UPSTREAM_CA_FILE={certificate.ca_file}" if certificate else line
