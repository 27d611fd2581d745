"""How much of a row is run: all of its numbers, or a part that fits into a normal run."""

import os

IS_FULL = os.environ.get("BPX_FAULTS_FULL") == "1"


def full_or(full: int, normal: int) -> int:
    """Return the row's own number, or what a normal run does."""
    return full if IS_FULL else normal
