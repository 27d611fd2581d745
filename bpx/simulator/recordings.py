"""Recorded sessions: the formats they come in, and one time line for what they hold.

Everything is read as a stream, in the order of the recorder's own clock; nothing is kept.
"""

import gzip
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

_EVENT_TIME = re.compile(rb'"E":(\d{13})\b')
_EVENT_TIME_WITHIN_BYTES = 160  # it stands at the beginning; 1,000 levels need no search
_STREAM = b'{"stream":"'
_DATA = b'","data":'


class Event(NamedTuple):
    """One thing that was recorded: a stream's message, or a REST reply.

    `stream` names the stream, `target` the request; the other one is empty.
    """

    at_ms: int
    stream: str
    target: str
    body: bytes


class _Line(NamedTuple):
    local_ms: float
    stream: str
    target: str
    body: bytes


@dataclass(frozen=True)
class Recording:
    """A recorded session.

    The time line is the exchange's: an event happens at its `E`, but never before the one that was
    recorded before it. What carries no time (spot's book tickers and snapshots) follows the
    newest event that has one by as long as it did on the recorder's clock.

    Args:
        name: of the session.
        market: "spot" or "futures"; COIN-M sessions count as futures.
        is_coin_margined: volumes are contracts, so candles cannot be summed from trades.
        streams: names of the recorded streams.
        lines: reads the recording from its beginning.
    """

    name: str
    market: str
    is_coin_margined: bool
    streams: frozenset[str]
    lines: Callable[[], Iterable[_Line]]

    def events(self) -> Iterator[Event]:
        """Read the recording from its beginning, in order."""
        at_ms, ahead_ms = 0.0, 0.0
        for line in self.lines():
            found = _EVENT_TIME.search(line.body, 0, _EVENT_TIME_WITHIN_BYTES)
            if found:
                ahead_ms = int(found[1]) - line.local_ms
            at_ms = max(at_ms, line.local_ms + ahead_ms)
            yield Event(round(at_ms), line.stream, line.target, line.body)

    @cached_property
    def instants(self) -> "array[int]":
        """The times at which something was recorded, each once, ascending."""
        return array("q", dict.fromkeys(event.at_ms for event in self.events()))

    @cached_property
    def start_ms(self) -> int:
        """The time of the first event."""
        return next(self.events()).at_ms


def open_recording(path: Path) -> Recording:
    """Open a session by its place: `cryptofeed/BINANCE`, `hftbacktest/spot`, `ccxt/futures`.

    Raises:
        FileNotFoundError: there is no recording at `path`.
    """
    if path.with_name(path.name + ".ws.1.0.gz").is_file():
        return _open_cryptofeed(path)
    samples = path.parent / "ws_samples_2026.json"
    if samples.is_file():
        return _open_samples(samples, path.name)
    if path.is_dir() and any(path.glob("*.gz")):
        return _open_hftbacktest(path)
    raise FileNotFoundError(f"no recording at {path}")


def _open_cryptofeed(path: Path) -> Recording:
    parts = [path.with_name(f"{path.name}.{part}.gz") for part in ("0", "http.0.0", "ws.1.0")]
    with gzip.open(parts[2], "rt", encoding="utf-8") as text:
        url = urlsplit(next(line for line in text if line.startswith("wss://")).split(" ", 1)[0])
    host = url.hostname or ""
    return Recording(
        name=path.name,
        market="futures" if host.startswith(("fstream", "dstream")) else "spot",
        is_coin_margined=host.startswith("dstream"),
        streams=frozenset(url.query.removeprefix("streams=").split("/")),
        lines=lambda: merge(
            *(_cryptofeed_lines(part) for part in parts), key=lambda line: line.local_ms
        ),
    )


def _cryptofeed_lines(path: Path) -> Iterator[_Line]:
    # Read whole, for it is small: whoever stops in the middle leaves no file open.
    for line in gzip.decompress(path.read_bytes()).splitlines():
        head, colon, body = line.partition(b": ")
        if not colon or head == b"configuration":
            continue
        target, arrow, local_s = head.rpartition(b" -> ")
        if arrow:
            yield _Line(float(local_s) * 1000, "", _served_target(target.decode()), body)
        else:
            yield _Line(float(head) * 1000, *_unwrap(body))


def _served_target(url: str) -> str:
    # COIN-M routes are served as USD-M's, which their replies resemble.
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}".rstrip("?").replace("/dapi/", "/fapi/")


def _open_hftbacktest(path: Path) -> Recording:
    is_futures = path.name == "usdm"
    kinds = ("depth@0ms" if is_futures else "depth@100ms", "bookTicker", "trade")
    return Recording(
        name=f"hftbacktest/{path.name}",
        market="futures" if is_futures else "spot",
        is_coin_margined=False,
        streams=frozenset(f"btcusdt@{kind}" for kind in kinds),
        lines=lambda: (line for part in sorted(path.glob("*.gz")) for line in _hft_lines(part)),
    )


def _hft_lines(path: Path) -> Iterator[_Line]:
    prefix = "/fapi/v1" if path.parent.name == "usdm" else "/api/v3"
    with gzip.open(path, "rb") as text:
        for line in text:
            local_ns, _, body = line.rstrip(b"\r\n").partition(b" ")
            if body.startswith(_STREAM):
                yield _Line(int(local_ns) / 1e6, *_unwrap(body))
            else:
                target = f"{prefix}/depth?symbol=BTCUSDT&limit=1000"
                yield _Line(int(local_ns) / 1e6, "", target, body)


def _unwrap(body: bytes) -> tuple[str, str, bytes]:
    stream, _, payload = body.removeprefix(_STREAM).partition(_DATA)
    return stream.decode(), "", payload.removesuffix(b"}")


def _open_samples(path: Path, market: str) -> Recording:
    hosts = {"spot": "wss://stream.", "futures": "wss://fstream."}
    if market not in hosts:
        raise FileNotFoundError(f"no recording of {market} in {path}")
    cases = [
        case for case in orjson.loads(path.read_bytes()) if case["url"].startswith(hosts[market])
    ]
    lines = [
        _Line(message.get("E", 0), case["sent"]["params"][0], "", orjson.dumps(message))
        for case in cases
        for message in case["messages"]
        if "result" not in message
    ]
    first_ms = min(line.local_ms for line in lines if line.local_ms)
    ordered = sorted(
        (line._replace(local_ms=line.local_ms or first_ms) for line in lines),
        key=lambda line: line.local_ms,
    )
    return Recording(
        name=f"ccxt/{market}",
        market=market,
        is_coin_margined=False,
        streams=frozenset(line.stream for line in ordered),
        lines=lambda: ordered,
    )
