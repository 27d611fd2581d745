"""The raw files of recorded sessions, read by code that neither proxy nor simulator shares.

Formats: ../shared/recorded/README.md.
"""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulator.recorded import RECORDED

SNAPSHOT_LEVELS = 1000  # of each side, in every recorded depth reply
# With this variable set, the long sessions are played to their end, which takes some seconds more.
IS_WHOLE = "RECORDED_WHOLE" in os.environ


class Line(NamedTuple):
    """One recorded thing: a message of a stream, or the reply to a REST request.

    Args:
        at_ms: exchange time: its `E`, but never before the line before it; what bears no time
            follows as it did on the recorder's clock.
        stream: of a message, else "".
        url: of a request, else "".
        text: the recorded JSON, verbatim (for hftbacktest's and cryptofeed's).
        content: the same, read.
    """

    at_ms: int
    stream: str
    url: str
    text: str
    content: Any


class _Raw(NamedTuple):
    local_ms: float
    stream: str
    url: str
    text: str


@dataclass(frozen=True)
class Session:
    """A recorded session.

    Args:
        name: its place under the recordings.
        market: of the proxy that it is put behind.
        listing: where its exchangeInfo is; another recording's where it has none itself.
        until_ms: how far it is played; None for to its end.
    """

    name: str
    market: str
    listing: str
    until_ms: int | None = None

    @property
    def path(self) -> Path:
        return RECORDED / self.name

    @property
    def has_listing(self) -> bool:
        """Whether its own exchangeInfo was recorded."""
        return self.listing == f"{self.name}.0.gz"

    def document(self) -> bytes:
        """Return the body of the recorded exchangeInfo."""
        text = gzip.decompress((RECORDED / self.listing).read_bytes())
        if "cryptofeed" not in self.listing:
            return text
        line = next(row for row in text.splitlines() if b"/exchangeInfo -> " in row)
        return line.partition(b": ")[2]

    def lines(self) -> Iterator[Line]:
        """Read the session in the order of the recorder's clock."""
        at_ms, ahead_ms = 0.0, 0.0
        for raw in _RAW[self.name.partition("/")[0]](self.path):
            content = json.loads(raw.text)
            if "E" in content:
                ahead_ms = content["E"] - raw.local_ms
            at_ms = max(at_ms, raw.local_ms + ahead_ms)
            if self.until_ms is not None and at_ms > self.until_ms and not IS_WHOLE:
                return
            yield Line(round(at_ms), raw.stream, raw.url, raw.text, content)


def _cryptofeed(path: Path) -> list[_Raw]:
    rows = []
    for part in ("0", "http.0.0", "ws.1.0"):
        with gzip.open(f"{path}.{part}.gz", "rt") as file:
            for line in file:
                head, _, text = line.rstrip("\n").partition(": ")
                url, arrow, local_s = head.rpartition(" -> ")
                if arrow:
                    rows.append(_Raw(float(local_s) * 1000, "", url, text))
                elif head[:1].isdigit():
                    rows.append(_Raw(float(head) * 1000, *_unwrapped(text)))
    return sorted(rows, key=lambda row: row.local_ms)


def _hftbacktest(path: Path) -> Iterator[_Raw]:
    for part in sorted(path.glob("*.gz")):
        with gzip.open(part, "rt") as file:
            for line in file:
                local_ns, _, text = line.rstrip("\n").partition(" ")
                local_ms = int(local_ns) / 1e6
                if text.startswith('{"stream":'):
                    yield _Raw(local_ms, *_unwrapped(text))
                else:
                    yield _Raw(local_ms, "", "/depth?symbol=BTCUSDT&limit=1000", text)


def _ccxt(path: Path) -> list[_Raw]:
    host = {"spot": "//stream.", "futures": "//fstream."}[path.name]
    cases = json.loads((path.parent / "ws_samples_2026.json").read_text())
    rows = [
        _Raw(message["E"], case["sent"]["params"][0], "", json.dumps(message))
        for case in cases
        if host in case["url"]
        for message in case["messages"]
        if "E" in message  # an acknowledgement has none, nor has spot's book ticker
    ]
    return sorted(rows, key=lambda row: row.local_ms)


def _unwrapped(text: str) -> tuple[str, str, str]:
    head, _, payload = text.partition(',"data":')
    return head.removeprefix('{"stream":"').removesuffix('"'), "", payload.removesuffix("}")


_RAW = {"cryptofeed": _cryptofeed, "hftbacktest": _hftbacktest, "ccxt": _ccxt}

# The hftbacktest and ccxt sessions hold no exchangeInfo, without which the proxy follows nothing:
# they are given the recorded one of another day that lists their symbol.
_SPOT_LISTING = "swapland-statics/exchangeInfo_spot_2023-08-13.json.gz"
_FUTURES_LISTING = "cryptofeed/BINANCE_FUTURES.0.gz"
SESSIONS = {
    session.name: session
    for session in (
        Session("cryptofeed/BINANCE", "spot", "cryptofeed/BINANCE.0.gz"),
        Session("cryptofeed/BINANCE_US", "spot", "cryptofeed/BINANCE_US.0.gz"),
        Session("cryptofeed/BINANCE_TR", "spot", "cryptofeed/BINANCE_TR.0.gz"),
        Session("cryptofeed/BINANCE_FUTURES", "futures", "cryptofeed/BINANCE_FUTURES.0.gz"),
        Session("cryptofeed/BINANCE_DELIVERY", "futures", "cryptofeed/BINANCE_DELIVERY.0.gz"),
        # Eleven minutes and six: the first seven and the first four and a half of them.
        Session("hftbacktest/spot", "spot", _SPOT_LISTING, until_ms=1_723_161_670_000),
        Session("hftbacktest/usdm", "futures", _FUTURES_LISTING, until_ms=1_723_161_510_000),
        Session("ccxt/spot", "spot", _SPOT_LISTING),
        Session("ccxt/futures", "futures", _FUTURES_LISTING),
    )
}
