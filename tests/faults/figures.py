"""What the rows have measured: a line of JSON each, in the file that `BPX_FAULTS_FIGURES` names.

Only what a test has measured that passed is written.
"""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.scale import IS_FULL
from tests.proxy import ROOT

_measured: list[dict[str, Any]] = []  # by the test that is under way


def figure(row: str, **measured: object) -> None:
    """Note what a row has measured."""
    values = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in measured.items()
    }
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    _measured.append({"row": row, "test": test, "is_full": IS_FULL, "measured": values})


def end_of_test(has_passed: bool) -> None:
    """Write what a test has noted, if somebody wants to know and it holds."""
    file = os.environ.get("BPX_FAULTS_FIGURES")
    if file and has_passed:
        with Path(file).open("a") as figures:
            for line in _measured:
                figures.write(json.dumps(line | {"commit": commit()}, default=str) + "\n")
    _measured.clear()


@cache
def commit() -> str:
    """Return of which commit this tree is; `-dirty` follows if it is not quite that."""
    git = ["git", "describe", "--always", "--abbrev=7", "--dirty", "--exclude=*"]
    return subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
