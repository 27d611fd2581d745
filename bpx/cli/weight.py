"""`bpx weight`: what the weight is spent on, and by whom."""

from collections.abc import Sequence
from typing import Any

from bpx.cli.command import DONE, FOUND, asks_operators, operators_url, parser, run
from bpx.cli.operators import Operators
from bpx.cli.output import Output, span


def main(argv: Sequence[str]) -> int:
    """Print the budget of each market; return 1 during a hold."""
    made = parser(
        "weight",
        "Show how much of Binance's request weight is used, on what kinds of calls (of the last 5\n"
        "minutes) and by which clients (of about the last minute; market data only).\n"
        "The exit code is 1 while Binance wants no request.",
        "bpx weight --json",
    )
    asks_operators(made)
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output = Output(is_json=asked.json)
    told = Operators(operators_url(asked.url)).get("/status?feeds=0")
    budgets = {market: facts["budget"] for market, facts in told["markets"].items()}
    if asked.json:
        output.data(budgets)
    else:
        for market, budget in budgets.items():
            _show(output, market, budget)
    is_held = any(one["hold_left_s"] > 0 or one["blocked_left_s"] > 0 for one in budgets.values())
    return FOUND if is_held else DONE


def _show(output: Output, market: str, budget: dict[str, Any]) -> None:
    share = 100 * budget["used_weight"] / max(1, budget["weight_limit"])
    used = f"{budget['used_weight']:,} of {budget['weight_limit']:,} in this minute ({share:.0f} %)"
    output.say(f"{market}: {used}")
    if budget["hold_left_s"] > 0:
        output.say(f"Binance wants no request for {span(budget['hold_left_s'])}", "error")
    if budget["blocked_left_s"] > 0:
        output.say(f"a firewall lets no public read pass for {span(budget['blocked_left_s'])}",
                   "error")  # fmt: skip
    if budget["by_kind"]:
        output.table(("kind of call", "weight of 5 min#"), budget["by_kind"].items())
    if budget["by_client"]:
        spent = sum(row["weight"] for row in budget["by_client"])
        rows = (
            (row["client"], round(row["weight"]), f"{100 * row['weight'] / max(1, spent):.0f} %")
            for row in budget["by_client"]
        )
        output.table(("client", "weight of 1 min#", "share#"), rows)
    output.say()
