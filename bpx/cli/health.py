"""`bpx health`: whether a running proxy is well, and why not."""

import os
from collections.abc import Sequence
from typing import Any

from bpx.cli.command import (
    DONE,
    FOUND,
    asks_operators,
    operators_url,
    parser,
    run,
    settings_here,
)
from bpx.cli.knocking import knock
from bpx.cli.operators import Operators
from bpx.cli.output import Output


def main(argv: Sequence[str]) -> int:
    """Print the health of each market; return 1 unless all of them are ok."""
    made = parser(
        "health",
        "Show whether a running proxy is well, market by market, and if not, why.\n"
        "The exit code is 0 if all is ok, and 1 if anything is not. Where the options here leave\n"
        "the operators' port closed, the markets' own ports are asked whether anybody answers.",
        "bpx health --url http://10.0.0.5:8092",
    )
    asks_operators(made)
    made.add_argument(
        "--ready",
        action="store_true",
        help="0 as long as every market answers, even if some answers are missing: for whoever "
        "would restart it",
    )
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output = Output(is_json=asked.json)
    told = _told(asked.url)
    if asked.json:
        output.data(told)
    else:
        output.table(("market", "status", "reasons"), [
            (market, facts["status"], "; ".join(facts["reasons"]) or "-")
            for market, facts in told["markets"].items()
        ])  # fmt: skip
    return DONE if told["status"] in ("ok", *(["degraded"] if asked.ready else [])) else FOUND


def _told(url: str | None) -> Any:
    settings = settings_here(os.environ)
    if url is None and not settings.metrics_enabled:
        return knock(settings)
    return Operators(operators_url(url)).get("/health")
