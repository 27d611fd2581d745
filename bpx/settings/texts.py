"""Prints the options for people: the tables of the README."""

from bpx.settings.option import GROUPS, Option
from bpx.settings.reading import OPTIONS


def table() -> str:
    """Return the README's tables of options, one for each group."""
    return "\n\n".join(_group(group) for group in GROUPS)


def _group(group: str) -> str:
    rows = [f"#### {GROUPS[group][0]}", "", "| flag | variable | default | |", "|---|---|---|---|"]
    rows += [_row(option) for option in OPTIONS.values() if option.group == group]
    return "\n".join(rows)


def _row(option: Option) -> str:
    default = option.shown or (f"`{option.default}`" if option.default else "")
    older = [*option.flags, *filter(None, [option.legacy_variable])]
    note = f" Deprecated: {', '.join(f'`{name}`' for name in older)}." if older else ""
    return f"| `{option.flag}` | `{option.variable}` | {default} | {option.help}{note} |"
