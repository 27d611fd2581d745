"""What a client gets when there is no answer: always JSON, in the shape of Binance's errors."""

import logging
from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import HTTPException

from bpx.errors import Abandoned, Failing, RequestFailed
from bpx.exchange.failure import error_body
from bpx.repeats import Repeats
from bpx.web.answer import JSON

FAILED = "Internal error; unable to process your request. Please try again."
CODES = {413: -1100}  # ccxt reads it as a bad request; -1020 (unsupported operation) otherwise
UNSUPPORTED = -1020

log = logging.getLogger(__name__)


def explaining(now: Callable[[], float]) -> Callable[[RequestFailed], Response]:
    """Return what says why a request was not answered, and logs it once for many.

    Args:
        now: returns monotonic seconds.
    """
    repeats = Repeats(log, now)

    def explain(error: RequestFailed) -> Response:
        reason = getattr(error, "reason", None)
        if reason is not None and not isinstance(error, Abandoned):
            text = f"{request.method} {request.path}: {error.status}, {reason}"
            repeats.warn((type(error), reason), text)
        return _explanation(error)

    return explain


def _explanation(error: RequestFailed) -> Response:
    if isinstance(error, Failing):
        return _pass_on(error)
    response = _response(error.status, error.code, str(error))
    if error.retry_after is not None:
        response.headers["Retry-After"] = error.retry_after
    if error.proxy_error is not None:
        response.headers["X-Proxy-Error"] = error.proxy_error
    return response


def refuse(error: HTTPException) -> Response:
    """Refuse what no application would take, such as a body that is too large."""
    status = error.code or 500
    response = _response(status, CODES.get(status, UNSUPPORTED), error.name)
    if status == 413:
        response.headers["Connection"] = "close"  # what was not read is not to be read now
    return response


def explain_bug(error: Exception) -> Response:
    """Answer when we have a bug: it is logged, and the client learns no more than it needs."""
    log.error("%s %s", request.method, request.path, exc_info=error)
    return _response(500, -1000, FAILED)


def _pass_on(error: Failing) -> Response:
    """Answer with Binance's own words."""
    response = Response(error.body, error.status)
    response.headers.clear()
    for name, value in error.headers:
        response.headers.add(name, value)
    response.headers["Content-Length"] = str(len(error.body))
    response.headers["Data-Source"] = "upstream"
    return response


def _response(status: int, code: int, message: str) -> Response:
    response = Response(error_body(code, message), status, content_type=JSON)
    response.headers["Data-Source"] = "proxy"
    return response
