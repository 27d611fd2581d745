"""`python -m bpx [options]` serves; `python -m bpx simulate|demo|smoke` does something else."""

import sys
from collections.abc import Sequence
from importlib import import_module

import bpx
from bpx.server.serving import Server

COMMANDS = ("demo", "simulate", "smoke")
OF_THE_EXCHANGE = ("aiohttp", "cryptography")  # requirements-simulator.txt


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command. Ends the process with 2 if an option is bad."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        sys.exit(_run(argv[0], argv[1:]))
    if argv and argv[0] == "--version":
        print(f"bpx {bpx.__version__}")
        return
    if argv and not argv[0].startswith("-"):
        sys.exit(_refused(f"there is no command {argv[0]}; there are {', '.join(COMMANDS)}"))
    Server(argv).run()


def _run(command: str, argv: Sequence[str]) -> int:
    """Run a command, which is imported only now: what it needs is not wanted for serving."""
    try:
        code: int = import_module(f"bpx.cli.{command}").main(argv)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in OF_THE_EXCHANGE:
            raise
        return _refused(
            "the simulated exchange needs requirements-simulator.txt (make demo installs it)"
        )
    return code


def _refused(reason: str) -> int:
    print(f"bpx: {reason}", file=sys.stderr)
    return 2
