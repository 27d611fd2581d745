"""An exchange at a fixed start, and how tests ask it."""

from typing import Any

import orjson

from bpx.simulator.exchange import Exchange
from bpx.simulator.venue import Message, Reply, Request

START_MS = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC
ROOT = {"spot": "/api/v3", "futures": "/fapi/v1"}
KEYS = {"key-of-a-bot": "secret-of-a-bot"}
DEAR = 10**9  # a weight limit that nobody reaches


def exchange(market: str, **options: Any) -> Exchange:
    made = Exchange(market, START_MS, accounts=KEYS, **options)
    made.limits.weight_per_minute = DEAR
    return made


def get(venue: Exchange, tail: str, as_of_ms: int | None = None) -> Any:
    return orjson.loads(reply(venue, tail, as_of_ms).body)


def reply(venue: Exchange, tail: str, as_of_ms: int | None = None) -> Reply:
    return venue.reply(Request("GET", f"{ROOT[venue.market]}/{tail}"), as_of_ms)


def run(venue: Exchange, span_ms: int, step_ms: int = 1_000) -> list[Message]:
    messages = []
    end_ms = venue.now_ms + span_ms
    while venue.now_ms < end_ms:
        messages += venue.advance(min(end_ms, venue.now_ms + step_ms))
    return messages


def of(messages: list[Message], stream: str) -> list[tuple[int, Any]]:
    return [(m.at_ms, orjson.loads(m.payload)) for m in messages if m.stream == stream]
