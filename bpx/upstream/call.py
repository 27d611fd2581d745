"""A request to Binance, what kind it is, and what comes back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import unquote_plus

Headers = tuple[tuple[str, str], ...]

_MICROSECONDS = 1e14  # a timestamp above is not in milliseconds
WAITED_S = 0.1  # less is no waiting
DEFAULT_RECV_WINDOW_MS = 5000  # Binance's, where a signed request does not say


class Kind(Enum):
    """What a request is for: how much of the budget it may use, and how long it may take.

    Attributes:
        share: of a limit, up to which calls of this kind may spend.
        pool: name of its connections; kinds with different pools cannot take each other's.
        total_s: seconds from the start to the last byte of the reply.
        wait_s: seconds that it may wait for the budget before it is refused.
    """

    CANCEL = (1.00, "trade", 13.0, 0.0)
    ORDER = (0.95, "trade", 13.0, 0.0)
    SIGNED = (0.85, "signed", 13.0, 0.6)
    PUBLIC = (0.70, "public", 12.0, 5.0)
    BACKGROUND = (0.50, "public", 12.0, 5.0)
    PROBE = (1.00, "probe", 3.0, 0.0)

    def __init__(self, share: float, pool: str, total_s: float, wait_s: float) -> None:
        self.share = share
        self.pool = pool
        self.total_s = total_s
        self.wait_s = wait_s

    @property
    def is_trade(self) -> bool:
        """Whether it changes something at Binance."""
        return self.pool == "trade"

    @property
    def is_public(self) -> bool:
        """Whether it only reads, and needs no signature: asking twice does no harm."""
        return self.pool in ("public", "probe")

    @property
    def judged_as(self) -> str:
        """Pool of the calls with which it tells how a host does: a probe is a public read."""
        return "public" if self.is_public else self.pool


def never() -> bool:
    """Return False: somebody waits for the reply to the end."""
    return False


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask Binance.

    Args:
        method: as the client wrote it.
        target: raw path and query, byte for byte (latin-1); it begins with "/".
        headers: those that may cross, see `headers.to_binance`.
        body: byte for byte.
        weight: what Binance will charge.
        kind: decides about budget, connections and time.
        keep_s: seconds for which its reply may answer others who ask the same.
        is_unknown: no table has its endpoint: `weight` is a guess.
        client: whose it is, to give each one its part; "" if it is nobody's.
        is_abandoned: tells whether nobody waits for the reply any more.
        tells_weight: what its reply says of the used weight is true.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    weight: int = 1
    kind: Kind = Kind.PUBLIC
    keep_s: float = 0.0
    is_unknown: bool = False
    client: str = ""
    is_abandoned: Callable[[], bool] = never
    tells_weight: bool = True

    @property
    def path(self) -> str:
        """The raw path."""
        return self.target.partition("?")[0]


class BodyStream(Iterator[bytes], Protocol):
    """The body of a large reply, in chunks.

    If it breaks, iterating raises a RequestFailed: the client's connection is then to be reset.
    """

    def close(self) -> None:
        """Give the connection up, however much has been read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What Binance answered.

    Args:
        status: of HTTP.
        headers: those that may cross, see `headers.to_client`. Content-Length is among them only
            where `body` cannot tell it: with a stream, and for HEAD.
        body: encoded as Content-Encoding says; checked whole.
        decoded: the body without its encoding; empty with a stream.
        stream: the body instead, of a reply that is too large to be read first. Close it.
        kept_at: monotonic seconds when Binance gave this reply, if it was given before.
    """

    status: int
    headers: Headers
    body: bytes
    decoded: bytes = b""
    stream: BodyStream | None = None
    kept_at: float | None = None

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


def kind_of(method: str, query: str, body: bytes) -> Kind:
    """Tell what a client's request is for. A key alone makes no difference, a signature does.

    Args:
        method: of HTTP; whatever is not known to only read counts as an order.
        query: raw, without the "?".
        body: raw.
    """
    if method == "DELETE":
        return Kind.CANCEL
    if method not in ("GET", "HEAD"):
        return Kind.ORDER
    if "signature" in _names(query) or "signature" in _names(body.decode("latin-1")):
        return Kind.SIGNED
    return Kind.PUBLIC


def is_left(call: Call, waited_s: float) -> bool:
    """Tell whether nobody waits for a call's reply any more.

    Some clients shut their sending side and still listen. Nobody can tell them from those who have
    gone, so only a call that had to wait is taken for left alone.
    """
    return waited_s > WAITED_S and call.is_abandoned()


def recv_window_ms(call: Call) -> float:
    """Return for how long a signed call is good after its timestamp."""
    window_ms = _number(call, "recvWindow")
    return DEFAULT_RECV_WINDOW_MS if window_ms is None else window_ms


def patience_s(call: Call) -> float:
    """Return how long a call may wait: a signed one must not outlive its recvWindow."""
    if call.kind is Kind.SIGNED:
        return min(call.kind.wait_s, recv_window_ms(call) / 4000)
    return call.kind.wait_s


def window_left_ms(call: Call, at_ms: int | None, waited_s: float) -> float:
    """Return for how much longer a signed call is good.

    Args:
        call: whose query or body may say when it was signed.
        at_ms: the exchange's time, None if it is not known.
        waited_s: seconds since the call came to us.
    """
    signed_at_ms = _number(call, "timestamp")
    if signed_at_ms is None or at_ms is None:
        return recv_window_ms(call) - waited_s * 1000
    if signed_at_ms > _MICROSECONDS:
        signed_at_ms /= 1000
    return signed_at_ms + recv_window_ms(call) - at_ms


def _names(query: str) -> set[str]:
    return {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")}


def _number(call: Call, wanted: str) -> float | None:
    _, _, query = call.target.partition("?")
    for part in (query, call.body.decode("latin-1")):
        for pair in part.split("&"):
            name, _, value = pair.partition("=")
            if name == wanted and value.replace(".", "", 1).isdecimal() and value.isascii():
                return float(value)
    return None
