"""docs/performance.md: runs every benchmark, one after the other, and writes what they said.

    python -m benchmarks.page [--only lane,edge]

What was measured is kept in build/bench, so that some can be measured anew. What is said of it is
in benchmarks/performance.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.nginx import NGINX
from tests.proxy import ROOT

PAGE = ROOT / "docs" / "performance.md"
TEMPLATE = ROOT / "benchmarks" / "performance.md"
KEPT = ROOT / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Section:
    """A benchmark, whose figures have a place in the template.

    Args:
        name: of the place.
        arguments: of Python, besides `--json`.
    """

    name: str
    arguments: tuple[str, ...]

    @property
    def kept(self) -> Path:
        """Return where its figures are kept."""
        return KEPT / f"{self.name}.json"


SECTIONS = (
    Section("lane", ("-m", "benchmarks.lane")),
    Section("edge", ("-m", "benchmarks.edge")),
    Section("views", ("-m", "benchmarks")),
    Section("cost", ("-m", "benchmarks.cost")),
    Section("freshness", ("-m", "benchmarks.freshness")),
    Section("ingest", ("-m", "benchmarks.ingest")),
    Section("scale", ("-m", "benchmarks.scale", "--plot", "docs/scale.png")),
    Section("forwarding", ("-m", "benchmarks.forwarding")),
    Section("start", ("-m", "benchmarks.start")),
)


def main() -> int:
    """Run them, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", default="", help="names of what is to be measured anew, with commas between"
    )
    wanted = [name for name in parser.parse_args().only.split(",") if name]
    KEPT.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    for section in SECTIONS:
        if not wanted or section.name in wanted:
            console.print(f"python {' '.join(section.arguments)}", style="bold")
            _measure(section)
    PAGE.write_text(text())
    console.print(f"written: {PAGE.relative_to(ROOT)}")
    return 0


def _measure(section: Section) -> None:
    command = [sys.executable, *section.arguments, "--json"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    if said.strip():  # else it was skipped, with a word
        section.kept.write_bytes(said)


def text() -> str:
    """Return the page."""
    figures = {section.name: _figures(section) for section in SECTIONS}
    return TEMPLATE.read_text().format(machine=_machine(), **figures)


def _machine() -> str:
    model = next(
        (line.partition(": ")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )  # fmt: skip
    cores = len(os.sched_getaffinity(0))
    nginx = "no nginx"
    if NGINX is not None:
        said = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=False).stderr
        nginx = said.strip().rpartition(" ")[2]
    return (
        f"{model}, {cores} cores, Linux {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, {nginx}"
    )


def _figures(section: Section) -> str:
    """Return the command that has measured them, and a table."""
    command = f"```\npython {' '.join(section.arguments)}\n```\n"
    if not section.kept.exists():
        return f"{command}\nNot measured.\n"
    said = json.loads(section.kept.read_text())
    if isinstance(said, dict) and any(isinstance(one, list) for one in said.values()):
        tables = [_table(_rows(one)) for one in said.values()]
        return "\n".join([command, *("\n".join([*table, ""]) for table in tables)])
    return "\n".join([command, *_table(said if isinstance(said, list) else [said]), ""])


def _rows(said: object) -> list[dict[str, object]]:
    """Return what is told under one name as rows, each with its own name if it has one."""
    if isinstance(said, list):
        return said
    assert isinstance(said, dict)
    return [{"": name, **row} for name, row in said.items()]


def _table(rows: Sequence[dict[str, object]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |"]
    lines.append("|" + "---|" * len(names))
    lines += [f"| {' | '.join(_cell(row.get(name, '')) for name in names)} |" for row in rows]
    return lines


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.exit(main())
