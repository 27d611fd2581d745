"""What commands have in common: their arguments, and how they fail."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping

from bpx.errors import BadOption
from bpx.server.configuration import application_for
from bpx.settings import Settings, load
from bpx.settings.kinds import EVERYWHERE
from bpx.settings.places import with_config_file

DONE, FOUND, REFUSED = 0, 1, 2  # exit codes: well; something is not; it could not be found out


class CommandFailed(Exception):
    """A command cannot go on; the text says why, in one line."""


def parser(name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return the arguments that all commands take.

    Args:
        name: of the command.
        description: what it does.
        example: how it is used.
    """
    made = argparse.ArgumentParser(
        prog=f"bpx {name}",
        description=description,
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", action="store_true", help="print JSON, for scripts")
    return made


def asks_operators(made: argparse.ArgumentParser) -> None:
    """Let a command take the address of the operators' port."""
    made.add_argument(
        "--url",
        metavar="URL",
        help="the operators' port of the proxy (by default where the options of the environment "
        "put it: http://127.0.0.1:8092)",
    )


def settings_here(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the options that a proxy started here would have."""
    try:
        return load([], with_config_file([], environ))
    except BadOption as error:
        raise CommandFailed(str(error)) from error


def operators_url(given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the operators' port."""
    if given:
        return given.rstrip("/")
    settings = settings_here(environ)
    host = reachable(settings.host)
    written = f"[{host}]" if ":" in host else host
    scheme = "https" if settings.certificate_file else "http"
    return f"{scheme}://{written}:{settings.operators_port(application_for(settings))}"


def reachable(host: str) -> str:
    """Return where a server is to be found from its own machine that listens on a host."""
    return host if host not in ("", EVERYWHERE, "::") else "127.0.0.1"


def run(work: Callable[[], int]) -> int:
    """Do a command's work; what it cannot do is told in one line."""
    try:
        return work()
    except CommandFailed as failure:
        print(f"bpx: {failure}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read it has seen enough
        sys.stderr.close()
        return DONE
