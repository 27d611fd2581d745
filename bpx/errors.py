"""Every error that bpx raises, by who has to deal with it.

* BpxError
    * RequestFailed          the client sees it, as a Binance-shaped error body
        * Throttled          our budget is spent, or Binance has said 429 (429)
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
        * BadTarget            the request's target is not a path (400)
    * FeedFailed             a feed's own loop sees it, and repairs
        * StreamLost         the WebSocket closed, or went silent
        * OutOfSync          a message is missing between what we have and what came
        * BadMessage         a message is not what Binance documents
    * BadOption              an option cannot be used: the start stops with this one line
"""

from math import ceil


class BpxError(Exception):
    """Base of all errors of this package."""


class RequestFailed(BpxError):
    """A client's request cannot be answered; `status` and `code` go into the reply.

    `str(error)` is the `msg` that the client sees: Binance's own words wherever it has some,
    because bots match on them. What an operator needs to know goes to the log instead.
    """

    status = 502
    code = -1001  # Binance's DISCONNECTED

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def retry_after(self) -> str | None:
        """The Retry-After header: whole seconds, at least 1, or None."""
        return None if self.retry_after_s is None else str(max(1, ceil(self.retry_after_s)))


class Throttled(RequestFailed):
    """Our budget is spent, or Binance told us to wait."""

    status = 429
    code = -1003  # Binance's TOO_MANY_REQUESTS


class Banned(RequestFailed):
    """Binance has banned our address until the ban runs out."""

    status = 418
    code = -1003


class NotSent(RequestFailed):
    """No byte of the request reached Binance: trying again is safe."""

    status = 503
    code = -1001

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
        super().__init__(
            "Timeout waiting for response from backend server. "
            "Send status unknown; execution status unknown."
        )
        self.reason = reason


class ReadFailed(RequestFailed):
    """A public read was sent, and what came back cannot be used."""

    status = 502
    code = -1001

    def __init__(self, reason: str) -> None:
        super().__init__("Internal error; unable to process your request. Please try again.")
        self.reason = reason


class ReadTimedOut(ReadFailed):
    """A public read was sent, and its answer took too long."""

    status = 504
    code = -1007  # Binance's TIMEOUT; ccxt's RequestTimeout


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
    """The request's body is over our limit."""

    status = 413
    code = -1100  # Binance's ILLEGAL_CHARS: ccxt maps it to BadRequest


class BadTarget(RequestFailed):
    """The request's target is not a path of the market."""

    status = 400
    code = -1100


class FeedFailed(BpxError):
    """A feed cannot go on as it is and has to be repaired."""


class StreamLost(FeedFailed):
    """The WebSocket closed, or sent nothing for too long."""


class OutOfSync(FeedFailed):
    """At least one message is missing between what we have and what came."""


class BadMessage(FeedFailed):
    """A message is not what Binance documents."""


class Refused(FeedFailed):
    """REST answered a feed's question with an error: the client's own request will get it, too."""


class BadOption(BpxError):
    """An option cannot be used. The text names the option and what it accepts."""
