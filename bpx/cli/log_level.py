"""`bpx log-level`: the level of a running proxy's log."""

from collections.abc import Sequence
from typing import Any

from bpx.cli.command import DONE, CommandFailed, asks_operators, operators_url, parser, run
from bpx.cli.operators import Operators
from bpx.cli.output import Output, span
from bpx.logs import LEVELS
from bpx.settings.kinds import DURATION


def main(argv: Sequence[str]) -> int:
    """Print the level, or set it."""
    made = parser(
        "log-level",
        "Show the level of a running proxy's log, or set it, for a while or until it ends.",
        "bpx log-level debug --for 10m",
    )
    made.add_argument("level", nargs="?", choices=list(LEVELS), help="to be set")
    made.add_argument("--for", dest="time", metavar="TIME", help="then it is what it was: 10m")
    asks_operators(made)
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output, port = Output(is_json=asked.json), Operators(operators_url(asked.url))
    if asked.level is None:
        told = port.get("/log-level")
    else:
        wanted = {"level": asked.level, "for_s": _seconds(asked.time)}
        told = port.change("PUT", "/log-level", wanted)
    if asked.json:
        output.data(told)
    else:
        until = f", for {span(told['for_s'])}, then {told['then']}" if told["then"] else ""
        output.say(f"{told['level']}{until}")
    return DONE


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(DURATION.read(text))
    except ValueError:
        raise CommandFailed(f"--for accepts {DURATION.accepts}, not {text!r}") from None
