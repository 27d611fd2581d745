"""Prints the options for people: docs/configuration.md."""

from bpx.settings.option import GROUPS, Option
from bpx.settings.profiles import PROFILES
from bpx.settings.reading import OPTIONS

_INTRODUCTION = """\
# Configuration

Printed by `python -m bpx.settings`: a test holds it equal to the options.

A flag wins over a variable, a variable over the config file, the file over a profile, that over the
default. A newer name wins over its deprecated one. `python -m bpx config show` says what is set,
and by what; `config check` reads everything without a start.

The config file is the one that `--config FILE` or `BPX_CONFIG` names, else the first that is there
of `./bpx.conf`, `~/.config/bpx/bpx.conf` and `/etc/bpx/bpx.conf`. A line of it is a flag without
its dashes: `server.port-spot = 8090`. SIGHUP reads it anew.

Times are written `500ms`, `30s`, `5m` or `1h`, and a bare number is seconds; yes-or-no is `true`,
`false`, `1`, `0`, `yes` or `no`, and what is on by default has a flag against it, as
`--no-websocket.enable-compression`. An unknown flag, a bad value or a contradiction stops the start
with one line and exit code 2; an unknown `BPX_` variable or a deprecated name is a warning.
"""


def page() -> str:
    """Return docs/configuration.md."""
    return f"{_INTRODUCTION}\n## Profiles\n\n{_profiles()}\n\n## Options\n\n{table()}\n"


def table() -> str:
    """Return the tables of options, one for each group."""
    return "\n\n".join(_group(group) for group in GROUPS)


def _profiles() -> str:
    """Return what each environment sets, as a table."""
    fields = dict.fromkeys(field for profile in PROFILES.values() for field in profile)
    rows = [
        "`BPX_ENV` (`--env`) chooses other defaults; what is empty keeps its own.",
        "",
        f"| option | {' | '.join(PROFILES)} |",
        "|---|" + "---|" * len(PROFILES),
    ]
    rows += [
        f"| `{OPTIONS[field].variable}` | "
        f"{' | '.join(profile.get(field, '') for profile in PROFILES.values())} |"
        for field in fields
    ]
    return "\n".join(rows)


def _group(group: str) -> str:
    rows = [f"### {GROUPS[group][0]}", "", "| flag | variable | default | |", "|---|---|---|---|"]
    rows += [_row(option) for option in OPTIONS.values() if option.group == group]
    return "\n".join(rows)


def _row(option: Option) -> str:
    default = option.shown or (f"`{option.default}`" if option.default else "")
    older = [*option.flags, *filter(None, [option.legacy_variable])]
    note = f" Deprecated: {', '.join(f'`{name}`' for name in older)}." if older else ""
    return f"| `{option.flag}` | `{option.variable}` | {default} | {option.help}{note} |"
