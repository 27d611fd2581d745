"""`bpx doctor`: what of a bot's requests does not go through the proxy, and how to mend it."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rapidjson

from bpx.bots.diagnosis import BYPASSES, Finding, NotAConfiguration, diagnose
from bpx.cli.command import DONE, FOUND, CommandFailed, parser, run
from bpx.cli.output import Output

# As freqtrade reads its own: https://www.freqtrade.io/en/stable/configuration/
RELAXED = rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS


def main(argv: Sequence[str]) -> int:
    """Print what is wrong; return 1 if anything bypasses the proxy."""
    made = parser(
        "doctor",
        "Read a configuration of freqtrade, or what a ccxt exchange is made with (JSON; comments\n"
        "are allowed), and say what does not go through the proxy and how to mend it.\n"
        "The exit code is 1 if anything bypasses it.",
        "bpx doctor user_data/config.json",
    )
    made.add_argument("file", help="of the configuration; - reads it from the standard input")
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output = Output(is_json=asked.json)
    try:
        findings = diagnose(_read(asked.file))
    except NotAConfiguration as error:
        raise CommandFailed(
            f"{asked.file} is no configuration of freqtrade or ccxt: {error}"
        ) from error
    if asked.json:
        output.data([asdict(finding) for finding in findings])
    else:
        _tell(output, findings)
    return FOUND if any(finding.level == BYPASSES for finding in findings) else DONE


def _read(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        return rapidjson.loads(text, parse_mode=RELAXED)
    except (OSError, UnicodeDecodeError, rapidjson.JSONDecodeError) as error:
        raise CommandFailed(f"{file} cannot be read: {error}") from error


def _tell(output: Output, findings: list[Finding]) -> None:
    if findings:
        output.table(("", "what", "how to mend it"),
                     ((one.level, one.what, one.mend) for one in findings))  # fmt: skip
    else:
        output.say("All of its market data goes through the proxy.", "ok")
