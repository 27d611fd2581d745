"""`bpx cache clear`: have a running proxy forget all market data."""

from collections.abc import Sequence
from typing import Any

from bpx.cli.command import DONE, asks_operators, operators_url, parser, run
from bpx.cli.operators import Operators
from bpx.cli.output import Output


def main(argv: Sequence[str]) -> int:
    """Clear the caches; print how much there was."""
    made = parser(
        "cache",
        "Have a running proxy forget all market data. What bots ask for from then on is asked of\n"
        "Binance anew, which costs weight, and is then followed again.",
        "bpx cache clear",
    )
    made.add_argument("action", choices=["clear"])
    asks_operators(made)
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output = Output(is_json=asked.json)
    cleared = Operators(operators_url(asked.url)).change("POST", "/cache/clear", {})["cleared"]
    if asked.json:
        output.data(cleared)
    else:
        rows = [(market, kind, count) for market, kinds in cleared.items()
                for kind, count in kinds.items()]  # fmt: skip
        output.table(("market", "what", "forgotten#"), rows)
    return DONE
