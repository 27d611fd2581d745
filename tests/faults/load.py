"""The load that goes on behind faults: reads, orders and cancels, by the clock.

    with Load(here, pace) as load:
        load.wait_to(5)
        ...
    verdict = load.judged()

The exchange's clock must run by itself meanwhile: by it the answers are judged.
"""

import json
import pickle
import subprocess
import sys
from dataclasses import dataclass
from tempfile import TemporaryFile
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Self

from bpx.simulator.wire import Asked
from tests.faults.bots import Read, Seen, Trade
from tests.faults.judge import Verdict, judge
from tests.faults.place import PREFIX, Limited
from tests.proxy import ROOT
from tests.waiting import eventually

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
HISTORY_MS = 86_400_000  # how long ago the candles closed that no stream has


@dataclass(frozen=True)
class Pace:
    """How much is asked, and for how long."""

    reads_per_s: float = 200
    orders_per_s: float = 5
    cancels_per_s: float = 2
    lasts_s: float = 60
    cached_share: float = 0.8
    timeout_s: float = 20
    seed: int = 1


def follow(here: Limited, targets: list[str]) -> None:
    """Wait until all targets are answered from streams."""
    for target in targets:  # so that all of them begin now
        here.place.ask(target)
    for target in targets:
        here.place.followed(target)


class Load:
    """Bots in front of a proxy, for as long as a fault and somewhat longer.

    Args:
        here: the exchange and the proxy. Nothing may move the exchange's clock by hand.
        pace: of the bots.
        symbols: that are asked about.
        is_followed: streams need not be waited for.
    """

    def __init__(
        self,
        here: Limited,
        pace: Pace,
        symbols: tuple[str, ...] = SYMBOLS,
        is_followed: bool = False,
    ) -> None:
        self.pace = pace
        self._is_followed = is_followed or not pace.cached_share
        self.market = here.exchange.venue.market
        self.requests: list[Asked] = []  # all that came to the exchange
        self._here = here
        self._exchange = here.exchange
        self._symbols = symbols
        self._over = Event()
        self._seen = Seen()

    @property
    def cached(self) -> list[str]:
        """Targets that streams keep fresh."""
        prefix = PREFIX[self.market]
        return [
            f"{prefix}/{target.format(symbol)}"
            for symbol in self._symbols
            for target in (
                "klines?symbol={}&interval=1m&limit=100",
                "klines?symbol={}&interval=5m&limit=50",
                "depth?symbol={}&limit=20",
                "depth?symbol={}&limit=10",
                "ticker/24hr?symbol={}",
            )
        ]

    @property
    def uncached(self) -> list[str]:
        """Targets that only the exchange can answer: candles of long ago, which do not change."""
        prefix, end_ms = PREFIX[self.market], self._began_ms - HISTORY_MS
        return [
            f"{prefix}/klines?symbol={symbol}&interval=1m&endTime={end_ms - ago_ms}&limit=9"
            for symbol in self._symbols
            for ago_ms in range(0, 180_000_000, 600_000)
        ]

    def __enter__(self) -> Self:
        if not self._is_followed:
            follow(self._here, self.cached)
        self._began_ms = self._exchange.now_ms
        self._offset_ms = self._began_ms - monotonic() * 1000
        self._out = TemporaryFile()
        self._bots = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.bots"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=self._out,
        )
        assert self._bots.stdin is not None
        self._bots.stdin.write(json.dumps(self._plan()).encode())
        self._bots.stdin.close()
        self._collector = Thread(target=self._collect)
        self._collector.start()
        self._began = monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._bots.kill()
        try:
            self._bots.wait(self.pace.lasts_s + 2 * self.pace.timeout_s)
        finally:
            self._bots.kill()
            self._bots.wait()
            self._over.set()
            self._collector.join()
            with self._out:
                self._out.seek(0)
                if error is None:
                    self._read_what_was_seen()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return monotonic() - self._began

    def wait_to(self, second: float) -> None:
        """Wait until so much of the load's time has gone."""
        eventually(lambda: self.seconds >= second, within_s=second + 5)

    def judged(self) -> Verdict:
        """Compare all that was seen with what the exchange knows."""
        return judge(self._exchange, self._seen, self.requests, self._offset_ms)

    def _plan(self) -> dict[str, Any]:
        order = (
            f"{PREFIX[self.market]}/order?symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
            f"&quantity={'0.00010' if self.market == 'spot' else '0.002'}&price=60000"
        )
        return {
            "address": self._here.proxy.address,
            "cached": self.cached,
            "uncached": self.uncached,
            "order": order,
            "cancel": f"{PREFIX[self.market]}/order?symbol=BTCUSDT",
            "key": "key",
            "secret": "secret",
            "offset_ms": self._offset_ms,
            **{name: getattr(self.pace, name) for name in Pace.__dataclass_fields__},
        }

    def _collect(self) -> None:
        """Keep account of all requests: the exchange's journal forgets the oldest."""
        newest: Asked | None = None
        is_last = False
        while not is_last:
            is_last = self._over.wait(1.0)
            rows = list(self._exchange.requests)
            first = next((at for at, row in enumerate(reversed(rows)) if row is newest), len(rows))
            fresh = rows[len(rows) - first :]
            self.requests += [row for row in fresh if row.at_ms >= self._began_ms]
            newest = rows[-1] if rows else None

    def _read_what_was_seen(self) -> None:
        reads, trades, bodies = pickle.load(self._out)
        self._seen = Seen([Read(*one) for one in reads], [Trade(*one) for one in trades], bodies)
