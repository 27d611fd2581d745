"""What commands print: tables for people, JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200  # columns, where nobody looks at a terminal
TONES = {
    "ok": "green", "fresh": "green", "open": "green", "closed": "green", "kept": "yellow",
    "starting": "yellow", "degraded": "yellow", "connecting": "yellow", "waiting": "yellow",
    "replacing": "yellow", "warn": "yellow", "stale": "red", "disconnected": "red",
    "failing": "red", "not ready": "red", "draining": "red", "error": "red", "bypasses": "red",
    "differs": "red", "FAIL": "red", "note": "yellow", "half-open": "yellow",
}  # fmt: skip


class Output:
    """Prints what a command has found.

    Colours are for terminals alone, and `NO_COLOR` is heeded.

    Args:
        is_json: whether a script reads it.
    """

    def __init__(self, *, is_json: bool = False) -> None:
        self.is_json = is_json
        self.console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)

    def data(self, data: Any) -> None:
        """Print JSON."""
        print(json.dumps(data, indent=2, ensure_ascii=False))

    def say(self, text: str = "", tone: str = "") -> None:
        """Print a line."""
        self.console.print(Text(text, style=TONES.get(tone, "")))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
        """Print a table; heads that end in `#` are of numbers."""
        self.console.print(made_table(heads, rows, title))


def made_table(heads: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """Return a table; heads that end in `#` are of numbers."""
    table = Table(title=Text(title) if title else None, title_justify="left", box=None,
                  pad_edge=False, header_style="bold", title_style="bold")  # fmt: skip
    for head in heads:
        table.add_column(head.rstrip("#"), justify="right" if head.endswith("#") else "left",
                         overflow="fold")  # fmt: skip
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(value: Any) -> Text:
    text = "" if value is None else f"{value:,}" if type(value) is int else str(value)
    return Text(text, style=TONES.get(text, ""))


def span(seconds: float | None) -> str:
    """Return a time for people."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def size(number: int | None) -> str:
    """Return bytes for people."""
    if number is None:
        return "-"
    if number < 10_000:
        return f"{number} B"
    return f"{number / 1024:.0f} KB" if number < 10_000_000 else f"{number / 2**20:.0f} MB"
