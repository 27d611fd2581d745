"""What the sender of the benchmarks says: frames and replies of the spot market, from templates.

Each is as long as Binance's own of BTCUSDT. A number that grows is all that changes in them, so
that each is news: it counts the trades, and the updates of books.
"""

from datetime import UTC, datetime, timedelta

KINDS = ("kline", "depth20", "bookTicker", "ticker")
DAY_MS = 86_400_000
_TRADES = 6_000_000_000  # before the first number
_CLOSED_TRADES = 35_184  # of a candle

_EVENT = b'{"stream":"%b","data":{"e":"%b","E":%d,"s":"%b",'
_KLINE = (
    b'"k":{"t":%d,"T":%d,"s":"%b","i":"%b","f":6569906771,"L":%d,"o":"64117.67000000",'
    b'"c":"64117.%08d","h":"64118.00000000","l":"64117.66000000","v":"0.38518000","n":%d,'
    b'"x":false,"q":"24696.88116430","V":"0.17878000","Q":"11462.96470450","B":"0"}}}'
)
_ROW = (
    b'[%d,"64117.67000000","64118.00000000","64117.66000000","64117.99000000","0.38518000",%d,'
    b'"24696.88116430",%d,"0.17878000","11462.96470450","0"]'
)
_BOOK = b'{"stream":"%b","data":{"u":%d,"s":"%b","b":"63704.00000000","B":"4.%08d",'
_BOOK_END = b'"a":"63704.01000000","A":"11.33198000"}}'
_TICKER = (
    b'"p":"-65.00000000","P":"-0.693","w":"9343.29777965","x":"9383.27000000",'
    b'"c":"9318.%08d","Q":"0.00250000","b":"9318.18000000","B":"0.32000000","a":"9318.47000000",'
    b'"A":"0.35414300","o":"9383.48000000","h":"9438.30000000","l":"9215.79000000",'
    b'"v":"48745.36667100","q":"455442476.18534620","O":%d,"C":%d,"F":343178738,"L":%d,"n":%d}}'
)
_TICKER_REPLY = (
    b'{"symbol":"%b","priceChange":"-65.00000000","priceChangePercent":"-0.693",'
    b'"weightedAvgPrice":"9343.29777965","prevClosePrice":"9383.27000000",'
    b'"lastPrice":"9318.%08d","lastQty":"0.00250000","bidPrice":"9318.18000000",'
    b'"bidQty":"0.32000000","askPrice":"9318.47000000","askQty":"0.35414300",'
    b'"openPrice":"9383.48000000","highPrice":"9438.30000000","lowPrice":"9215.79000000",'
    b'"volume":"48745.36667100","quoteVolume":"455442476.18534620","openTime":%d,"closeTime":%d,'
    b'"firstId":343178738,"lastId":%d,"count":%d}'
)
_SYMBOL = (
    b'{"symbol":"%b","status":"TRADING","baseAsset":"AAA","quoteAsset":"USDT","filters":[],'
    b'"permissions":[],"permissionSets":[["SPOT"]]}'
)
_LISTING = (
    b'{"timezone":"UTC","serverTime":%d,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT",'
    b'"interval":"MINUTE","intervalNum":1,"limit":10000000}],"exchangeFilters":[],"symbols":[%b]}'
)


def now_ms() -> int:
    """Return the exchange's time, which is the host's."""
    return int(datetime.now(UTC).timestamp() * 1000)


def date() -> bytes:
    """Return the same as a `Date` header has it."""
    return datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").encode()


def symbols(count: int) -> list[str]:
    """Return the names of symbols."""
    return [f"S{number:04}USDT" for number in range(count)]


def listing(names: list[str]) -> bytes:
    """Return exchangeInfo, with a limit that nobody reaches."""
    return _LISTING % (now_ms(), b",".join(_SYMBOL % name.encode() for name in names))


def frame(stream: str, number: int) -> bytes:
    """Return the message of a stream that has this number."""
    symbol, _, kind = stream.partition("@")
    name, symbol_text = stream.encode(), symbol.upper().encode()
    if kind == "bookTicker":
        return _BOOK % (name, number, symbol_text, number % 10**8) + _BOOK_END
    if kind.startswith("depth"):
        return b'{"stream":"%b","data":%b}' % (name, book(number, 20))
    at_ms = now_ms()
    if kind == "ticker":
        return _EVENT % (name, b"24hrTicker", at_ms, symbol_text) + _day(number, at_ms)
    interval = kind.removeprefix("kline_")
    candle = _kline(symbol_text, interval, number, at_ms)
    return _EVENT % (name, b"kline", at_ms, symbol_text) + candle


def _day(number: int, at_ms: int) -> bytes:
    return _TICKER % (number % 10**8, at_ms - DAY_MS, at_ms, _TRADES + number, number)


def _kline(symbol: bytes, interval: str, number: int, at_ms: int) -> bytes:
    last_id, close = _TRADES + number, number % 10**8
    return _KLINE % (*_candle(interval, at_ms), symbol, interval.encode(), last_id, close, number)


def book(number: int, levels: int) -> bytes:
    """Return a partial book, as frames and replies have it."""
    sides = (
        b",".join(b'["%d.%02d000000","0.%08d"]' % (63704, at, number % 10**8)
                  for at in range(start, start + levels))
        for start in (0, 40)
    )  # fmt: skip
    return b'{"lastUpdateId":%d,"bids":[%b],"asks":[%b]}' % (number, *sides)


def ticker(symbol: str, number: int) -> bytes:
    """Return a 24-hour ticker."""
    at_ms = now_ms()
    return _TICKER_REPLY % (
        symbol.encode(), number % 10**8, at_ms - DAY_MS, at_ms, _TRADES + number, number,
    )  # fmt: skip


def klines(interval: str, rows: int, number: int) -> bytes:
    """Return the newest candles; the number counts the trades of the last, which is open."""
    open_ms, close_ms = _candle(interval, now_ms())
    length_ms = close_ms + 1 - open_ms
    begins = range(open_ms - (rows - 1) * length_ms, open_ms + 1, length_ms)
    rows = [_ROW % (at, at + length_ms - 1, _CLOSED_TRADES) for at in begins[:-1]]
    return b"[%b]" % b",".join([*rows, _ROW % (open_ms, close_ms, number)])


def _candle(interval: str, at_ms: int) -> tuple[int, int]:
    """Return when the candle begins and ends that is open."""
    length_ms = int(_length(interval).total_seconds() * 1000)
    begin_ms = at_ms - at_ms % length_ms
    return begin_ms, begin_ms + length_ms - 1


def _length(interval: str) -> timedelta:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    return timedelta(**{units[interval[-1]]: int(interval[:-1])})
