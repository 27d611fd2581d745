"""`bpx [options]` serves; `bpx COMMAND` does something else."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

import bpx
from bpx.server.serving import Server

COMMANDS: Mapping[str, str] = MappingProxyType({  # and what each does, in the order of the help
    "serve": "serve the markets (what is done without a command, too)",
    "status": "how a running proxy is; --watch to go on",
    "health": "whether it is well, and why not",
    "feeds": "what it follows, and how fresh that is",
    "weight": "what Binance's request weight is spent on, and by whom",
    "cache": "have it forget all market data",
    "log-level": "the level of its log",
    "logs": "what it has logged; which files of the log go",
    "keys": "make, list and revoke the keys of clients",
    "config": "the options, what has set them, what is wrong with them",
    "verify": "compare it with Binance, field by field",
    "smoke": "ask every endpoint of it",
    "doctor": "what of a bot's requests does not go through it",
    "freqtrade-config": "a configuration for freqtrade",
    "demo": "a proxy in front of the simulated exchange",
    "simulate": "the simulated exchange",
})  # fmt: skip
OF_THE_EXCHANGE = ("aiohttp", "cryptography")  # requirements-simulator.txt


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command. Ends the process with 2 if an option is bad."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] == "serve":
        argv = argv[1:]
    elif argv and argv[0] in COMMANDS:
        sys.exit(_run(argv[0], argv[1:]))
    elif argv and argv[0] in ("help", "commands"):
        print(listed())
        return
    if argv and argv[0] == "--version":
        print(f"bpx {bpx.__version__}")
        return
    if argv and not argv[0].startswith("-"):
        sys.exit(_refused(f"there is no command {argv[0]}; bpx help lists them"))
    Server(argv).run()


def listed() -> str:
    """Return all commands, for people."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["Commands (each has --help):", *lines])


def _run(command: str, argv: Sequence[str]) -> int:
    """Run a command, which is imported only now: what it needs is not wanted for serving."""
    module = f"bpx.cli.{command.replace('-', '_')}"
    try:
        code: int = import_module(module).main(argv)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in OF_THE_EXCHANGE:
            raise
        return _refused(
            "the simulated exchange needs requirements-simulator.txt: make demo installs it, "
            "and so does pip install 'bpx[demo]'"
        )
    return code


def _refused(reason: str) -> int:
    print(f"bpx: {reason}", file=sys.stderr)
    return 2
