"""One answer of the proxy, and what it can have been made from."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from bpx.simulator.hub import Sent
from tests.fidelity.scene import DEPTH, EXCHANGE_INFO, KLINES, TICKER, Answer, Scene


@dataclass(frozen=True)
class Observation:
    """One answer, and what the exchange had published by then.

    Args:
        scene: where it was asked.
        endpoint: one of the four.
        target: path and query.
        at_ms: exchange time.
        answer: what the proxy said.
        sent: the newest message of the stream that the answer may be made from.
        was_sent_now: whether it was published in the last step.
        load_ms: when the proxy last asked REST for this on its own account.
        lists_ms: when it asked for exchangeInfo, the newest last.
        since_step_ms, since_start_ms: real time since the last step, since the proxy's start.
        is_warm: whether its streams, if it has any, had been subscribed before.
    """

    scene: Scene
    endpoint: str
    target: str
    at_ms: int
    answer: Answer
    sent: Sent | None
    was_sent_now: bool
    load_ms: int | None
    lists_ms: tuple[int, ...]
    since_step_ms: float
    since_start_ms: float
    is_warm: bool

    def __str__(self) -> str:
        source = self.answer.headers.get("Data-Source")
        return f"{self.scene.market} {self.endpoint} {self.target} at {self.at_ms} from {source}"

    def truth(self, as_of_ms: int) -> bytes:
        """Return the exchange's own body as of an instant."""
        return self.scene.truth(self.target, as_of_ms)

    @property
    def params(self) -> dict[str, str]:
        """Parameters of the request."""
        return dict(parse_qsl(self.target.partition("?")[2]))

    @property
    def last_row(self) -> list[Any]:
        """The newest candle of an answer about klines."""
        row: list[Any] = orjson.loads(self.answer.body)[-1]
        return row

    @property
    def has_message_of_last_row(self) -> bool:
        """Whether the stream has told anything of the newest candle."""
        return self.sent is not None and _frame(self.sent)["t"] == self.last_row[0]

    @property
    def is_last_row_made(self) -> bool:
        """Whether the newest candle can only have been made by the proxy.

        Then the final message of the candle before is the last one, and REST was not asked since.
        """
        if self.endpoint != KLINES or self.answer.source != "websocket" or self.sent is None:
            return False
        frame, open_ms = _frame(self.sent), self.last_row[0]
        follows = frame["x"] and frame["T"] + 1 == open_ms
        return bool(follows) and (self.load_ms is None or self.load_ms < open_ms)

    @property
    def is_confirmed_now(self) -> bool:
        """Whether a message of the last step tells what the answer ends with."""
        if not self.was_sent_now or self.answer.source != "websocket":
            return False
        return self.endpoint != KLINES or self.has_message_of_last_row or self.is_last_row_made

    @property
    def as_of_ms(self) -> int:
        """The instant that the answer is to be as of: that of the newest the proxy has heard."""
        load_ms = self.load_ms or 0
        if self.sent is None or (self.endpoint == KLINES and not self.has_message_of_last_row):
            return load_ms
        return max(self.sent.at_ms, load_ms)


def streams_of(market: str, endpoint: str, target: str) -> tuple[str, ...]:
    """Return the streams that an answer is made from; the first of them dates it."""
    params = dict(parse_qsl(target.partition("?")[2]))
    symbol = params.get("symbol", "").lower()
    best = (f"{symbol}@bookTicker",) if market == "spot" else ()
    return {
        KLINES: (f"{symbol}@kline_{params.get('interval')}",),
        DEPTH: (f"{symbol}@depth20@100ms",),
        TICKER: (f"{symbol}@ticker", *best),
        EXCHANGE_INFO: (),
    }[endpoint]


def _frame(sent: Sent) -> dict[str, Any]:
    frame: dict[str, Any] = orjson.loads(sent.payload)["k"]
    return frame
