"""One line for people that says what is measured now."""

import sys


def show(text: str) -> None:
    """Replace the line; nothing is said where nobody looks."""
    if sys.stderr.isatty():
        print(f"\r{text:60}\r", end="", file=sys.stderr, flush=True)
