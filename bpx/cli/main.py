"""`python -m bpx [options]` serves; `python -m bpx simulate|demo|smoke` does something else."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import bpx
from bpx.errors import BadOption
from bpx.server.configuration import refuse_to_start
from bpx.server.serving import Server
from bpx.settings import Settings, load, variables

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
    _serve(argv)


def _serve(argv: Sequence[str]) -> None:
    try:
        settings = load(argv, os.environ)
    except BadOption as error:
        refuse_to_start(str(error))
    # gunicorn's worker is another process, and after SIGHUP a new one: it reads variables.
    os.environ.update(variables(settings))
    os.environ.pop("BPX_CONFIG", None)
    Server(_application(settings)).run()


def _application(settings: Settings) -> str:
    if settings.spot_disabled:
        return "futures"
    return "spot" if settings.futures_disabled else "both"
