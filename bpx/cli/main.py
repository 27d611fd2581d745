"""`python -m bpx [options]` serves; `python -m bpx simulate|demo|smoke` does something else."""

import sys
from collections.abc import Sequence
from importlib import import_module

import bpx
from bpx.server.serving import Server

COMMANDS = ("simulate", "demo", "smoke")


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command. Ends the process with 2 if an option is bad."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        # Only now: what a command needs (aiohttp) is not installed where bpx only serves.
        sys.exit(import_module(f"bpx.cli.{argv[0]}").main(argv[1:]))
    if argv and argv[0] == "--version":
        print(f"bpx {bpx.__version__}")
        return
    Server(argv).run()
