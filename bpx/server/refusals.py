"""What clients get where no application could answer: Binance's error shape, never HTML.

Nothing of the request is repeated in it, and nothing of ours told.
"""

from http import HTTPStatus
from json import dumps
from typing import NamedTuple

from gunicorn.http import errors

from bpx.errors import RequestFailed
from bpx.server.ending import RequestTooLong, RequestTooSlow
from bpx.server.reply import SERVER


class Refusal(NamedTuple):
    """An HTTP status and the body of a Binance error."""

    status: int
    code: int
    message: str


BUG = Refusal(500, -1000, "An unknown error occurred while processing the request.")
_MALFORMED = Refusal(400, -1100, "The request is not well-formed HTTP.")
_TOO_LONG = Refusal(431, -1100, "The request's headers are too large.")
_REFUSALS: dict[type[Exception], Refusal] = {
    errors.LimitRequestLine: Refusal(414, -1100, "The request line is over 8190 bytes."),
    errors.LimitRequestHeaders: _TOO_LONG,
    errors.UnsupportedTransferCoding: Refusal(501, -1100, "Unsupported transfer coding."),
    errors.ExpectationFailed: Refusal(417, -1100, "Unsupported expectation."),
    errors.InvalidRequestMethod: Refusal(501, -1020, "Method Not Implemented"),
    errors.ForbiddenProxyRequest: Refusal(403, -1100, "Forbidden."),
    errors.InvalidResponseHeader: BUG,
    errors.InvalidResponseHeaderName: BUG,
    errors.ConfigurationProblem: BUG,
    RequestTooLong: _TOO_LONG,
    RequestTooSlow: Refusal(408, -1001, "The request did not arrive in time."),
}


def refusal_of(error: BaseException) -> Refusal:
    """Return what the client is told about `error`."""
    if isinstance(error, RequestFailed):
        return Refusal(error.status, error.code, str(error))
    for kind in type(error).__mro__:
        if kind in _REFUSALS:
            return _REFUSALS[kind]
    return _MALFORMED if isinstance(error, errors.ParseException) else BUG


def as_http(refusal: Refusal) -> bytes:
    """Return the whole answer, as it goes over the wire."""
    body = dumps({"code": refusal.code, "msg": refusal.message}).encode()
    head = (
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
        f"Server: {SERVER}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json;charset=UTF-8\r\n"
        "Data-Source: proxy\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body
