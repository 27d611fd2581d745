"""The tables of docs/reliability.md: `python -m tests.faults.page [figures]`.

Figures come from the file that a run of the tests has written, all of one commit. Without a file
those stay that are on the page.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.promises import LEFT_OUT, PROMISES, SECTIONS, proofs_of
from tests.proxy import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- tables: by tests/faults/page.py -->", "<!-- end of the tables -->"
MOST_FIGURES = 3  # of a row: of a test with many parameters some are enough

_COMMIT = re.compile(r"^Measured at commit `(.*)`\.$", re.MULTILINE)
_CELLS = re.compile(r"^\| ([A-G]\d+|gate \d+) \|.*\| ([^|]*) \|$", re.MULTILINE)


def rows_in(text: str) -> dict[str, str]:
    """Return what a page says in its last column, by row."""
    return dict(_CELLS.findall(text))


def measured(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return what a run has measured, by row."""
    texts = defaultdict[str, list[str]](list)
    for line in lines:
        for row in _rows_of(line["row"]):
            values = ", ".join(f"{_words(k)} {_number(v)}" for k, v in line["measured"].items())
            texts[row].append(values if line["is_full"] else f"{values} (short)")
    return {row: "; ".join(dict.fromkeys(some[-MOST_FIGURES:])) for row, some in texts.items()}


def _rows_of(name: str) -> Iterator[str]:
    gates = re.match(r"gates? (.*)", name)
    if gates:
        yield from (f"gate {number}" for number in re.findall(r"\d+", gates[1]))
    else:
        yield from dict.fromkeys(re.findall(r"\b[A-G]\d+\b", name))


def _words(name: str) -> str:
    return name.removesuffix("_s").removesuffix("_ms").removesuffix("_mb").replace("_", " ")


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def tables(figures: dict[str, str]) -> str:
    """Return the tables as they are to be."""
    parts = []
    for head, title in SECTIONS.items():
        parts += [f"### {title}", "", "| | promise | proven by | measured |", "|-|-|-|-|"]
        for row, promise in PROMISES.items():
            if re.fullmatch(rf"{head}\d+", row):
                parts.append(f"| {row} | {promise} | {_tests(row)} | {figures.get(row, '')} |")
        parts.append("")
    return "\n".join(parts)


def _tests(row: str) -> str:
    if row in LEFT_OUT:
        return f"left out: {LEFT_OUT[row]}"
    by_file = defaultdict[str, list[str]](list)
    for proof in proofs_of(row):
        by_file[proof.file].append(proof.test)
    return ", ".join(f"[{_shown(tests)}](../{file})" for file, tests in by_file.items())


def _shown(tests: list[str]) -> str:
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    return f"`{tests[0]}`{more}"


def page(text: str, lines: list[dict[str, Any]]) -> str:
    """Return a page with its tables made anew.

    Args:
        text: of the page as it is.
        lines: of a run's figures; without any, the page's own stay.

    Raises:
        ValueError: the lines are of several commits.
    """
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    commit = commit_of(lines) if lines else "".join(_COMMIT.findall(text))
    rows = measured(lines) if lines else rows_in(text)
    parts = [f"{before}{BEGIN}", f"Measured at commit `{commit}`.", f"{tables(rows)}\n{END}{after}"]
    return "\n\n".join(parts)


def commit_of(lines: list[dict[str, Any]]) -> str:
    """Return at which commit they were measured."""
    commits = sorted({line["commit"] for line in lines})
    if len(commits) != 1:
        raise ValueError(f"of several commits: {', '.join(commits)}")
    return str(commits[0])


def main(files: list[str]) -> None:
    """Write the page."""
    lines = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    PAGE.write_text(page(PAGE.read_text(), lines))


if __name__ == "__main__":
    main(sys.argv[1:])
