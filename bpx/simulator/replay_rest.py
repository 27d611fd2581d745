"""REST of a recording: what was recorded or follows from it, and honest errors for the rest."""

import re
from typing import Any
from urllib.parse import parse_qsl

import orjson

from bpx.simulator.replay_candles import INTERVALS_MS
from bpx.simulator.replay_state import ReplayState
from bpx.simulator.venue import Reply, Request

_PREFIXES = {"spot": "/api/v3/", "futures": "/fapi/v1/"}
_DEPTH_DEFAULT = {"spot": 100, "futures": 500}
_FUTURES_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
_KLINES_MOST = {"spot": 1000, "futures": 1500}
_OTHER_INTERVALS = ("1s", "3d", "1w", "1M")
_LEGAL_SYMBOL = re.compile(r"[A-Z0-9\-_.]{1,50}")

Params = dict[str, str]


class _Refused(Exception):
    """A request gets an error in Binance's shape."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def _unknown(what: str) -> _Refused:
    return _Refused(-1001, f"Not in this recording: {what}.", 503)


class ReplayRest:
    """Answers requests from the state of a replay."""

    def __init__(self, state: ReplayState) -> None:
        self._state = state
        self._market = state.market
        self._answers = {
            "ping": self._ping,
            "time": self._time,
            "exchangeInfo": self._exchange_info,
            "depth": self._depth,
            "klines": self._klines,
            "ticker/bookTicker": self._book_ticker,
        }

    def reply(self, request: Request) -> Reply:
        """Answer a request as of the state's time."""
        prefix = _PREFIXES[self._market]
        if not request.path.startswith(prefix):
            return Reply(404, b"")
        answer = self._answers.get(request.path.removeprefix(prefix))
        try:
            if answer is None or request.method not in ("GET", "HEAD"):
                raise _unknown(f"{request.method} {request.path}")
            return Reply(200, answer(dict(parse_qsl(request.query, keep_blank_values=True))))
        except _Refused as refusal:
            error = {"code": refusal.code, "msg": str(refusal)}
            return Reply(refusal.status, orjson.dumps(error))

    def _ping(self, params: Params) -> bytes:
        return b"{}"

    def _time(self, params: Params) -> bytes:
        return b'{"serverTime":%d}' % self._state.now_ms

    def _exchange_info(self, params: Params) -> bytes:
        document = self._state.exchange_info
        if document is None or (params and self._market == "spot"):
            raise _unknown("this exchangeInfo")
        return document

    def _depth(self, params: Params) -> bytes:
        symbol = self._symbol(params)
        limit = self._limit(params, _DEPTH_DEFAULT[self._market], 5000)
        if self._market == "futures" and limit not in _FUTURES_DEPTHS:
            raise _Refused(-4021, f"{limit} is not valid depth limit")
        book = self._state.books.get(symbol)
        body = book.body(limit) if book is not None and not self._state.is_over else None
        if body is None:
            raise _unknown(f"{limit} levels of {symbol} at this moment")
        return body

    def _klines(self, params: Params) -> bytes:
        symbol = self._symbol(params)
        interval = params.get("interval", "")
        if interval not in INTERVALS_MS:
            if interval in _OTHER_INTERVALS:
                raise _unknown(f"{interval} candles")
            raise _Refused(-1120, "Invalid interval.")
        limit = self._limit(params, 500, _KLINES_MOST[self._market])
        rows = [] if self._state.is_over else self._state.candles(symbol, interval)
        end = params.get("endTime", "")
        until_ms = min(self._state.now_ms, int(end)) if end.isdigit() else self._state.now_ms
        if not rows or rows[-1][6] < until_ms:
            raise _unknown(f"{interval} candles of {symbol} at this moment")
        return orjson.dumps(_window(rows, params, limit))

    def _book_ticker(self, params: Params) -> bytes:
        symbol = self._symbol(params)
        told = self._state.book_tickers.get(symbol)
        if told is None or self._state.is_over:
            raise _unknown(f"the book ticker of {symbol} at this moment")
        message = orjson.loads(told)
        answer = {
            "symbol": symbol,
            "bidPrice": message["b"],
            "bidQty": message["B"],
            "askPrice": message["a"],
            "askQty": message["A"],
        }
        if self._market == "futures":
            answer |= {"time": message["T"], "lastUpdateId": message["u"]}
        return orjson.dumps(answer)

    def _symbol(self, params: Params) -> str:
        symbol = params.get("symbol", "")
        if not symbol:
            problem = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            raise _Refused(-1102, problem)
        if self._market == "futures":
            symbol = symbol.upper()
        elif not _LEGAL_SYMBOL.fullmatch(symbol):
            legal = r"^[\w\-._&&[^a-z]]{1,50}$"
            problem = f"Illegal characters found in parameter 'symbol'; legal range is '{legal}'."
            raise _Refused(-1100, problem)
        if not self._state.is_listed(symbol):
            raise _Refused(-1121, "Invalid symbol.")
        return symbol

    def _limit(self, params: Params, default: int, most: int) -> int:
        text = params.get("limit", str(default))
        if not text.isascii() or not text.isdigit():
            legal = "legal range is '^[0-9]{1,20}$'"
            raise _Refused(-1100, f"Illegal characters found in parameter 'limit'; {legal}.")
        if self._market == "futures" and not 1 <= int(text) <= most:
            raise _Refused(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(int(text), most)


def _window(rows: list[Any], params: Params, limit: int) -> list[Any]:
    """Return the rows that a request asks for. History begins with the recording."""
    bounds = {
        name: int(params[name])
        for name in ("startTime", "endTime")
        if params.get(name, "").isdigit()
    }
    if "startTime" in bounds and bounds["startTime"] < rows[0][0]:
        raise _unknown("candles so old")
    begin = bounds.get("startTime", 0)
    end = bounds.get("endTime", rows[-1][0])
    asked = [row for row in rows if begin <= row[0] <= end]
    return asked[:limit] if "startTime" in bounds else asked[-limit:]
