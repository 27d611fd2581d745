"""Recorded frames and replies of Binance, of the kinds that are followed: spot and USD-M."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

RECORDED = Path(__file__).parents[1].parent / "shared" / "recorded"
KINDS = {
    "kline": "kline",
    "24hrTicker": "ticker",
    "bookTicker": "bookTicker",
    "depthUpdate": "depth",
}
SUFFIXES = {"@bookTicker": "bookTicker", "@depth5": "depth", "@depth20": "depth"}


class Frame(NamedTuple):
    """A frame as it came, without its envelope; the `kind` `snapshot` is a REST depth reply."""

    market: str
    kind: str
    payload: bytes

    def __str__(self):
        return f"{self.market} {self.kind} {self.payload[:120]!r}"


def recorded_frames(market: str, kind: str) -> list[Frame]:
    """Return all recorded frames of a kind; skip the test where the recordings are absent."""
    if not RECORDED.is_dir():
        pytest.skip(f"no recordings at {RECORDED}")
    frames = [frame for frame in _all() if (frame.market, frame.kind) == (market, kind)]
    assert frames, f"the recordings hold no {kind} of {market}"
    return frames


def _all() -> Iterator[Frame]:
    for source in (_unicorn_fy, _crypto_msg_parser, _ccxt):
        for market, message in source():
            yield from _unwrap(market, message)


def _unwrap(market: str, message: object) -> Iterator[Frame]:
    """Yield what a message holds: it may have an envelope, and may be a list of frames."""
    stream, content = "", message
    if isinstance(message, dict) and "data" in message:
        stream, content = message["stream"], message["data"]
    for frame in content if isinstance(content, list) else [content]:
        kind = _kind(market, stream, frame)
        if kind is not None:
            yield Frame(market, kind, json.dumps(frame, separators=(",", ":")).encode())


def _kind(market: str, stream: str, frame: dict[str, object]) -> str | None:
    if "lastUpdateId" in frame and not stream:
        return "snapshot"
    for suffix, kind in SUFFIXES.items():
        if stream.endswith(suffix):
            return kind
    if {"u", "s", "b", "B", "a", "A"} <= frame.keys():
        return "bookTicker"
    kind = KINDS.get(str(frame.get("e")))
    return None if kind == "depth" else kind  # without @depth5 it is a diff


def _unicorn_fy() -> Iterator[tuple[str, object]]:
    markets = {
        "TestBinanceComWebsocket": "spot",
        "TestBinanceComWebsocketFutures": "futures",
    }
    with gzip.open(RECORDED / "unicorn-fy" / "ws_samples.jsonl.gz", "rt") as lines:
        for sample in map(json.loads, lines):
            if sample["test_class"] in markets:
                yield markets[sample["test_class"]], json.loads(sample["raw"])


def _crypto_msg_parser() -> Iterator[tuple[str, object]]:
    markets = {"spot": "spot", "linear_future": "futures", "linear_swap": "futures"}
    with open(RECORDED / "crypto-msg-parser" / "raw_messages.jsonl", encoding="utf-8") as lines:
        for sample in map(json.loads, lines):
            if sample["market"] in markets:
                yield markets[sample["market"]], json.loads(sample["raw"])


def _ccxt() -> Iterator[tuple[str, object]]:
    hosts = {"wss://stream.": "spot", "wss://fstream": "futures"}
    samples = json.loads((RECORDED / "ccxt" / "ws_samples_2026.json").read_text())
    for sample in samples:
        market = hosts.get(sample["url"][:13])
        for message in sample["messages"] if market else ():
            yield market, message
