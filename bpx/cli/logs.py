"""`bpx logs stats|clean`: what a proxy's log has come to, and what of its files goes."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bpx.cli.command import (
    DONE,
    CommandFailed,
    asks_operators,
    operators_url,
    parser,
    run,
    settings_here,
)
from bpx.cli.operators import Operators
from bpx.cli.output import Output, size
from bpx.logs.outputs import STREAMS
from bpx.logs.retention import LogFile, clean, doomed, files_of
from bpx.server.configuration import logging_of


def main(argv: Sequence[str]) -> int:
    """Print what there is, or delete what is too old or too much."""
    made = parser(
        "logs",
        "stats: what a running proxy has logged, left out and lost, and its files.\n"
        "clean: delete files of the log that BPX_LOG_OUTPUT names which the options of the\n"
        "environment do not keep, as the proxy itself does from time to time.",
        "bpx logs clean --dry-run",
    )
    made.add_argument("action", choices=["stats", "clean"])
    made.add_argument("--dry-run", action="store_true", help="clean: only say what would go")
    asks_operators(made)
    asked = made.parse_args(argv)
    return run(lambda: _stats(asked) if asked.action == "stats" else _clean(asked))


def _stats(asked: Any) -> int:
    output = Output(is_json=asked.json)
    told = Operators(operators_url(asked.url)).get("/logs")
    if asked.json:
        output.data(told)
        return DONE
    rate = told["rate"]
    output.say(f"to {told['output']}, from {told['level']} on; {rate['lines_per_s']} lines and "
               f"{size(round(rate['bytes_per_s']))} a second over {rate['over_s']} s")  # fmt: skip
    if told["fault"]:
        output.say(f"it cannot be written: {told['fault']}", "error")
    output.table(("lines", "level", "number#"), _lines(told["lines"]))
    if told["disk"]:
        output.table(("file", "size#", "last line"), (
            (file["path"], size(file["bytes"]), file["modified"]) for file in told["files"]
        ))  # fmt: skip
        disk = told["disk"]
        output.say(f"{size(disk['used_bytes'])} of at most {size(disk['limit_bytes'])}")
    return DONE


def _lines(lines: dict[str, Any]) -> list[tuple[str, str, int]]:
    rows = [("written", level, count) for level, count in lines["written"].items()]
    for reason, levels in lines["left_out"].items():
        rows += [(f"left out ({reason})", level, count) for level, count in levels.items()]
    return rows + [(f"lost ({why})", "", count) for why, count in lines["lost"].items()]


def _clean(asked: Any) -> int:
    output = Output(is_json=asked.json)
    wanted = logging_of(settings_here(os.environ))
    if wanted.output in STREAMS:
        raise CommandFailed(f"the log goes to {wanted.output}: there are no files")
    path, now = Path(wanted.output), datetime.now(UTC).timestamp()
    try:
        if asked.dry_run:
            going = doomed(files_of(path), now, wanted.retention)
        else:
            going = clean(path, now, wanted.retention)
    except OSError as error:
        raise CommandFailed(str(error)) from error
    _tell(output, going, is_dry=asked.dry_run)
    return DONE


def _tell(output: Output, going: list[LogFile], *, is_dry: bool) -> None:
    if output.is_json:
        output.data([{"path": str(file.path), "bytes": file.size} for file in going])
    elif going:
        head = "would go" if is_dry else "deleted"
        output.table((head, "size#"), ((file.path, size(file.size)) for file in going))
    else:
        output.say("Nothing has to go.")
