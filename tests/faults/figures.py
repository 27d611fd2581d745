"""What the rows have measured: a line each, in the file that `BPX_FAULTS_FIGURES` names."""

import os
from pathlib import Path


def figure(row: str, **measured: object) -> None:
    """Note what a row has measured, if somebody wants to know."""
    file = os.environ.get("BPX_FAULTS_FIGURES")
    if file:
        values = ", ".join(
            f"{name} {round(value, 4) if isinstance(value, float) else value}"
            for name, value in measured.items()
        )
        with Path(file).open("a") as figures:
            figures.write(f"{row}: {values}\n")
