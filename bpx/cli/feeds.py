"""`bpx feeds`: everything that is followed, what is worst off first."""

from collections.abc import Iterator, Sequence
from typing import Any

from bpx.cli.command import DONE, FOUND, asks_operators, operators_url, parser, run
from bpx.cli.operators import Operators
from bpx.cli.output import Output, span
from bpx.feed.report import State

STATES = [state.value for state in State]
HEADS = ("market", "what", "kind", "state", "age#", "asked#", "waiting#", "messages#", "by REST#",
         "repairs#", "last trouble")  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Print a row for each feed; return 1 if one is stale or disconnected."""
    made = parser(
        "feeds",
        "List what is followed by streams, what is worst off first: its state, how old it is and\n"
        "what went wrong last. The exit code is 1 if any is stale or disconnected.",
        "bpx feeds --state stale",
    )
    asks_operators(made)
    made.add_argument("--market", help="of one market only")
    made.add_argument("--kind", help="of one kind only: klines, depth or ticker")
    made.add_argument("--state", choices=STATES, help="in one state only")
    made.add_argument("--limit", type=int, default=10_000, help="rows at most (%(default)s)")
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    output = Output(is_json=asked.json)
    told = Operators(operators_url(asked.url)).get("/status?feeds=1000000")
    rows = [row for row in _rows(told) if _is_wanted(row, asked)][: asked.limit]
    if asked.json:
        output.data(rows)
    elif rows:
        output.table(HEADS, map(_shown, rows))
    else:
        output.say("Nothing: a stream is followed when a bot first asks for it.")
    wrong = (State.STALE.value, State.DISCONNECTED.value)
    return FOUND if any(row["state"] in wrong for row in rows) else DONE


def _rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for market, facts in told["markets"].items():
        for row in facts["followed"]:
            yield {"market": market, **row}


def _is_wanted(row: dict[str, Any], asked: Any) -> bool:
    wanted = {"market": asked.market, "kind": asked.kind, "state": asked.state}
    return all(value is None or row[name] == value for name, value in wanted.items())


def _shown(row: dict[str, Any]) -> tuple[Any, ...]:
    trouble = f"{row['trouble']} ({span(row['trouble_s'])} ago)" if row["trouble"] else ""
    return (
        row["market"], row["name"], row["kind"], row["state"], span(row["age_s"]),
        span(row["asked_s"]), row["waiting"], row["messages"], row["loads"], row["repairs"],
        trouble,
    )  # fmt: skip
