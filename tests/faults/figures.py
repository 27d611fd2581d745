"""What the rows have measured: a line of JSON each, in the file that `BPX_FAULTS_FIGURES` names."""

import json
import os
from pathlib import Path
from typing import Any

from tests.faults.scale import IS_FULL


def figure(row: str, **measured: object) -> None:
    """Note what a row has measured, if somebody wants to know."""
    values = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in measured.items()
    }
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    note({"row": row, "test": test, "is_full": IS_FULL, "measured": values})


def note(line: dict[str, Any]) -> None:
    """Add a line to the file."""
    file = os.environ.get("BPX_FAULTS_FIGURES")
    if file:
        with Path(file).open("a") as figures:
            figures.write(json.dumps(line, default=str) + "\n")
