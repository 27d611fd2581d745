"""`bpx status`: how a running proxy is."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from time import sleep
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from bpx.cli.command import DONE, FOUND, asks_operators, operators_url, parser, run
from bpx.cli.operators import Operators
from bpx.cli.output import TONES, Output, made_table, size, span

EVENTS = 10
SLOW = 3  # calls, of each market
FEEDS = 15  # that are worst off


def main(argv: Sequence[str]) -> int:
    """Print everything an operator wants to know first; return 1 unless all is well."""
    made = parser(
        "status",
        "Show how a running proxy is: markets, weight, streams, what is cached, what happened.\n"
        "The exit code is 0 if every market is ok or degraded, and 1 if one is not ready.",
        "bpx status --watch 2",
    )
    asks_operators(made)
    made.add_argument("--watch", nargs="?", const=2.0, type=float, metavar="SECONDS",
                      help="show it again and again (every 2 seconds), until Ctrl-C")  # fmt: skip
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    port, output = Operators(operators_url(asked.url)), Output(is_json=asked.json)
    if asked.watch is not None and not asked.json:
        _watch(port, output, max(0.2, asked.watch))
        return DONE
    told = port.get(f"/status?feeds={10**6 if asked.json else FEEDS}")
    if asked.json:
        output.data(told)
    else:
        output.console.print(drawn(told))
    return DONE if told["status"] in ("ok", "degraded") else FOUND


def _watch(port: Operators, output: Output, every_s: float) -> None:
    with Live(
        console=output.console, auto_refresh=False, screen=output.console.is_terminal
    ) as live:
        while True:
            live.update(drawn(port.get(f"/status?feeds={FEEDS}")), refresh=True)
            sleep(every_s)


def drawn(told: dict[str, Any]) -> RenderableType:
    """Return what `/status` says, for people."""
    return Group(_head(told), *_markets(told), *_events(told))


def _head(told: dict[str, Any]) -> Text:
    head = Text("bpx ")
    head.append(told["status"], style=TONES.get(told["status"], ""))
    facts = (
        f"version {told['version']}", f"up {span(told['uptime_s'])}",
        size(told["resident_bytes"]), f"{told['tasks']} tasks", f"{told['clients']} connections",
    )  # fmt: skip
    return head.append(f"  {', '.join(facts)}")


def _markets(told: dict[str, Any]) -> Iterator[RenderableType]:
    rows = [
        (
            name, facts["status"], f"{facts['budget']['used_weight']:,} of "
            f"{facts['budget']['weight_limit']:,}", span(facts["budget"]["hold_left_s"]),
            facts["states"]["fresh"], sum(facts["states"].values()),
            sum(row["streams"] for row in facts["streams"]), span(facts["listing_age_s"]),
        )
        for name, facts in told["markets"].items()
    ]  # fmt: skip
    heads = ("market", "status", "weight#", "hold#", "fresh#", "followed#", "streams#",
             "exchangeInfo#")  # fmt: skip
    yield Text()
    yield made_table(heads, rows)
    for name, facts in told["markets"].items():
        for reason in facts["reasons"]:
            yield Text(f"{name}: {reason}", style="red")
        for call in facts["slow"][:SLOW]:
            yield Text(f"{name}: {call['path']} took {span(call['waited_s'] + call['took_s'])}: "
                       f"{span(call['waited_s'])} until it could go, {span(call['took_s'])} then "
                       f"({call['outcome']})")  # fmt: skip
        wrong = [row for row in facts["followed"] if row["state"] not in ("fresh", "kept")]
        for row in wrong:
            trouble = f": {row['trouble']}" if row["trouble"] else ""
            yield Text(f"{name}: {row['name']} is {row['state']}{trouble}", style="yellow")


def _events(told: dict[str, Any]) -> Iterator[RenderableType]:
    if not told["events"]:
        return
    rows = [
        (datetime.fromtimestamp(one["at"], UTC).astimezone().strftime("%H:%M:%S"), one["level"],
         one["text"] + (f" ({one['times']} times)" if one["times"] > 1 else ""))
        for one in told["events"][:EVENTS]
    ]  # fmt: skip
    yield Text()
    yield made_table(("when", "level", "what happened last"), rows)
