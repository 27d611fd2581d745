"""Every error that bpx raises, by who has to deal with it.

* BpxError
    * RequestFailed          the client sees it, as a Binance-shaped error body
        * Throttled          Binance has said 429 (429)
            * OverBudget     nobody has: our own budget is spent
                * OverShare  by this client: the others have theirs
            * TooFast        a client asks more often than each of them may
                * TooManyGuesses  with wrong keys
        * Banned             Binance has banned our address (418)
        * NotSent            no byte reached Binance (503)
            * Untrusted      whoever answers there is not Binance: TLS failed (502)
            * Abandoned      nobody waits for the answer any more
        * OutcomeUnknown     sent, and no usable answer came: it may have been carried out (504)
        * ReadFailed         a public read was sent and its answer is unusable (502)
            * ReadTimedOut   no answer came in time (504)
            * Failing        Binance answered our own question with an error: it is passed on
        * Redirected         Binance sent us elsewhere, and we do not go (502)
        * TooLarge           the request's body is over our limit (413)
        * BadTarget          the request's target is not a path, or could be read as two (400)
        * NoKey              it needs a key of ours, and has none that we know (401)
        * Denied             whoever asks may not (403)
        * NotServed          nobody may (404)
    * FeedFailed             a feed's own loop sees it, and repairs
        * StreamLost         the WebSocket closed, or went silent
        * OutOfSync          a message is missing between what we have and what came
        * BadMessage         a message is not what Binance documents
            * Garbled        nor can be told of which stream it is
        * Refused            REST answered the feed's question with an error
    * Occupied               an operator wants what is being done for another already
    * BadOption              an option cannot be used: the start stops with this one line
"""

from enum import Enum
from math import ceil

TIMED_OUT = (  # Binance's words for -1007
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)


class BpxError(Exception):
    """Base of all errors of this package."""


class RequestFailed(BpxError):
    """A client's request cannot be answered; `status` and `code` go into the reply.

    `str(error)` is the `msg` that the client sees: Binance's own words wherever it has some,
    because bots match on them. What an operator needs to know goes to the log instead.
    """

    status = 502
    code = -1001  # Binance's DISCONNECTED

    proxy_error: str | None = None  # for X-Proxy-Error, which tells our own refusals apart

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def retry_after(self) -> str | None:
        """The Retry-After header: whole seconds, at least 1, or None."""
        return None if self.retry_after_s is None else str(max(1, ceil(self.retry_after_s)))


class Throttled(RequestFailed):
    """Binance told us to wait."""

    status = 429
    code = -1003  # Binance's TOO_MANY_REQUESTS


class OverBudget(Throttled):
    """Binance would tell us to wait, if we asked: our own budget is spent."""

    reason = "our own budget is spent"
    proxy_error = "budget"


class OverShare(OverBudget):
    """A client has had its share of what is left: the rest is for the others."""

    reason = "a client has had its share of our budget"
    proxy_error = "client-limit"


class TooFast(Throttled):
    """A client asks more often than each of them may."""

    proxy_error = "client-limit"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("Too many requests of this client.", retry_after_s)


class TooManyGuesses(TooFast):
    """So many wrong keys came from an address that it is to wait before it shows another."""

    proxy_error = "auth"


class Banned(RequestFailed):
    """Binance has banned our address until the ban runs out."""

    status = 418
    code = -1003


class NotSent(RequestFailed):
    """No byte of the request reached Binance: trying again is safe."""

    status = 503
    code = -1001
    proxy_error = "not-sent"

    def __init__(self, reason: str, retry_after_s: float = 1.0) -> None:
        super().__init__(
            "Internal error; unable to process your request. Please try again.", retry_after_s
        )
        self.reason = reason


class Untrusted(NotSent):
    """The other end could not prove by TLS that it is Binance: no byte of the request went."""

    status = 502

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.retry_after_s = None  # trying again does not help


class Abandoned(NotSent):
    """The client went away while its request waited for its turn: it was not sent."""

    def __init__(self) -> None:
        super().__init__("its client has gone")


class OutcomeUnknown(RequestFailed):
    """The request was sent and no usable answer came: Binance may have carried it out."""

    status = 504
    code = -1007  # Binance's TIMEOUT

    def __init__(self, reason: str) -> None:
        super().__init__(TIMED_OUT)
        self.reason = reason


class ReadFailed(RequestFailed):
    """A public read was sent, and what came back cannot be used."""

    status = 502
    code = -1001
    words = "Internal error; unable to process your request. Please try again."

    def __init__(self, reason: str) -> None:
        super().__init__(self.words)
        self.reason = reason


class ReadTimedOut(ReadFailed):
    """A public read was sent, and its answer took too long."""

    status = 504
    code = -1007  # Binance's TIMEOUT; ccxt's RequestTimeout
    words = TIMED_OUT


class Failing(ReadFailed):
    """Binance answered a question of ours with an error, which is for whoever wanted to know.

    Attributes:
        status: of the reply.
        headers: of the reply, those that may cross.
        body: of the reply, decoded.
    """

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Redirected(RequestFailed):
    """Binance sent us elsewhere. We do not go: keys and signatures are for Binance alone."""

    status = 502
    code = -1001

    def __init__(self, reason: str) -> None:
        super().__init__("Internal error; unable to process your request. Please try again.")
        self.reason = reason


class TooLarge(RequestFailed):
    """The request's body is over our limit.

    Attributes:
        limit_bytes: of every client's request.
    """

    status = 413
    code = -1100  # Binance's ILLEGAL_CHARS: ccxt maps it to BadRequest
    limit_bytes = 64 << 10

    def __init__(self) -> None:
        super().__init__(f"Request body is over {self.limit_bytes} bytes.")


class BadTarget(RequestFailed):
    """The request's target is not a path of the market, or could be read as more than one."""

    status = 400
    code = -1100


class NoKey(RequestFailed):
    """The request needs a key of ours, and has none that we know."""

    status = 401
    code = -1002  # Binance's UNAUTHORIZED; ccxt's AuthenticationError
    proxy_error = "auth"

    def __init__(self) -> None:
        super().__init__("You are not authorized to execute this request.")


class Denied(RequestFailed):
    """Whoever asks may not.

    Args:
        why: what forbids it: `address`, `host` or `scope`.
    """

    status = 403
    code = -1002

    def __init__(self, why: str) -> None:
        super().__init__("You are not authorized to execute this request.")
        self.proxy_error = why


class NotServed(RequestFailed):
    """Nobody may ask for that here: the operator has not opted in."""

    status = 404
    code = -1020  # Binance's UNSUPPORTED_OPERATION
    proxy_error = "path"

    def __init__(self) -> None:
        super().__init__("This operation is not supported.")


class FeedFailed(BpxError):
    """A feed cannot go on as it is and has to be repaired."""


class Loss(Enum):
    """Why there is no stream connection: how long to wait before the next depends on it."""

    CLOSED = "closed"  # the exchange said good-bye: 1000, 1001, 1012, no code, serverShutdown
    LOST = "lost"  # a reset, an end without a word, silence, any other close code
    UNREACHABLE = "unreachable"  # no address, no connection, no TLS, no answer to the handshake
    REFUSED = "refused"  # the handshake was answered with something that is no WebSocket
    BANNED = "banned"  # the handshake was answered with 403, 418, 429 or 451
    PROTOCOL = "protocol"  # frames against RFC 6455 or 7692, or a message that is too big


class StreamLost(FeedFailed):
    """The WebSocket closed, sent nothing for too long, or could not be had.

    Attributes:
        loss: why.
        retry_after_s: what a refusal's Retry-After says, in seconds; None if it says nothing.
    """

    def __init__(
        self, reason: str, loss: Loss = Loss.LOST, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.loss = loss
        self.retry_after_s = retry_after_s


class OutOfSync(FeedFailed):
    """At least one message is missing between what we have and what came."""


class BadMessage(FeedFailed):
    """A message is not what Binance documents."""


class Garbled(BadMessage):
    """A message may be of any stream of its connection: one of them has missed something."""


class Refused(FeedFailed):
    """REST answered a feed's question with an error: the client's own request will get it, too."""


class Occupied(BpxError):
    """What an operator wants can be done once at a time, and is being done.

    Args:
        left_s: seconds until it can be had.
    """

    def __init__(self, left_s: float) -> None:
        self.retry_after = str(max(1, ceil(left_s)))
        super().__init__(f"one is being taken already; try again in {self.retry_after} s")


class BadOption(BpxError):
    """An option cannot be used. The text names the option and what it accepts."""
