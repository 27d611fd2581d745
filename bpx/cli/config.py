"""`bpx config show|check|docs`: the options, what they are set to, and by what."""

import os
from collections.abc import Sequence
from typing import Any

from bpx.cli.command import DONE, FOUND, CommandFailed, parser, run
from bpx.cli.output import Output
from bpx.errors import BadOption
from bpx.settings import load, table
from bpx.settings.deprecated import deprecations
from bpx.settings.places import with_config_file
from bpx.settings.reading import MASK, OPTIONS, unknown_variables
from bpx.settings.sources import sources

HEADS = ("option", "variable", "value", "set by", "default")


def main(argv: Sequence[str]) -> int:
    """Show the options, check them, or print their documentation."""
    made = parser(
        "config",
        "show: every option with its value, what has set it (a flag, a variable, the config\n"
        "file, a profile) and its default. check: say what is wrong with them; the exit code is 2\n"
        "if the proxy would not start, and 1 if a name has no effect or is deprecated.\n"
        "docs: the tables of options as docs/configuration.md has them.\n"
        "Whatever follows is taken as options of the proxy.",
        "bpx config show --config /etc/bpx.conf",
    )
    made.add_argument("action", choices=["show", "check", "docs"])
    made.add_argument("--changed", action="store_true", help="show: only what something has set")
    asked, options = made.parse_known_args(argv)
    action = {"show": _show, "check": _check, "docs": _docs}[asked.action]
    return run(lambda: action(asked, options))


def _show(asked: Any, options: Sequence[str]) -> int:
    output = Output(is_json=asked.json)
    try:
        environ = with_config_file(options, os.environ)
        settings, found = load(options, environ), sources(options, environ)
    except BadOption as error:
        raise CommandFailed(str(error)) from error
    rows = []
    for name, option in OPTIONS.items():
        value = getattr(settings, name)
        written = None if value is None else option.kind.write(value)
        written = MASK if option.is_secret and written else written
        default = option.default if option.shown is None else option.shown
        rows.append((option.flag, option.variable, written, found[name], default))
    if asked.changed:
        rows = [row for row in rows if row[3] != "default"]
    if asked.json:
        output.data([dict(zip(HEADS, row, strict=True)) for row in rows])
    else:
        output.table(HEADS, rows)
    return DONE


def _check(asked: Any, options: Sequence[str]) -> int:
    output = Output(is_json=asked.json)
    try:
        load(options, with_config_file(options, os.environ))
    except BadOption as error:
        raise CommandFailed(str(error)) from error
    notes = [f"{name} is no option of bpx, and has no effect"
             for name in unknown_variables(os.environ)]  # fmt: skip
    notes += deprecations(options, os.environ)
    if asked.json:
        output.data({"is_good": True, "notes": notes})
    else:
        for note in notes:
            output.say(note, "warn")
        output.say("The proxy would start with these options.", "ok")
    return FOUND if notes else DONE


def _docs(asked: Any, options: Sequence[str]) -> int:
    print(table())
    return DONE
