"""Attempts that failed: every fault sorted by what may have happened at Binance."""

import socket
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from bpx.errors import (
    NotSent,
    OutcomeUnknown,
    ReadFailed,
    ReadTimedOut,
    Redirected,
    RequestFailed,
    Untrusted,
)
from bpx.runtime import DeadlinePassed
from bpx.upstream.call import Kind
from bpx.upstream.connection import Attempt
from bpx.upstream.raw import innermost, is_untrusted


class Elsewhere(ValueError):
    """The reply is a redirect."""


class Crowded(ValueError):
    """The reply is too large to be read whole, and all places for such are taken."""


class Broken(Exception):
    """An attempt failed.

    Attributes:
        failure: what the client is to know.
        was_sent: a byte of the request may have arrived.
        is_hosts: it tells something about the host; our own bounds do not.
        has_connected: it came to a connection; False only if `is_hosts`.
    """

    def __init__(self, failure: RequestFailed, attempt: Attempt, *, is_hosts: bool = True) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.was_sent = attempt.was_sent
        self.is_hosts = is_hosts
        self.has_connected = attempt.was_sent or not is_hosts


def is_ours(attempt: Attempt, error: Exception) -> bool:
    """Tell whether a fault is ours: of our own bounds, or of a call that no host could get."""
    if isinstance(error, Crowded):
        return True
    is_of_network = isinstance(error, requests.RequestException | HTTPError | OSError)
    return isinstance(error, ValueError) and not is_of_network and not attempt.was_sent


def failure_of(kind: Kind, attempt: Attempt, error: Exception, origin: str) -> RequestFailed:
    """Return what a client is to know of a fault.

    Args:
        kind: of its call.
        attempt: what became of it.
        error: the fault.
        origin: of the host, for the log.
    """
    cause = innermost(error)
    reason = f"{origin}: {_in_words(cause, origin, attempt)}"
    if isinstance(error, Elsewhere):
        return Redirected(reason)
    if not attempt.was_sent:
        return Untrusted(reason) if is_untrusted(error) else NotSent(reason)
    if not kind.is_public:
        return OutcomeUnknown(reason)
    return ReadTimedOut(reason) if _is_timeout(error) else ReadFailed(reason)


def _in_words(cause: BaseException, origin: str, attempt: Attempt) -> str:
    """Tell an operator what is common; the rest in the words of whoever raised it."""
    if isinstance(cause, socket.gaierror):
        return f"cannot resolve {urlsplit(origin).hostname}"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if isinstance(cause, Exception) and _is_timeout(cause):
        return "no answer in time" if attempt.was_sent else "no connection in time"
    return f"{type(cause).__name__}: {cause}".removesuffix(": ")


def _is_timeout(error: Exception) -> bool:
    # requests calls a time-out while the body is read a ConnectionError.
    return isinstance(error, DeadlinePassed | requests.Timeout | HTTPTimeout | TimeoutError)
