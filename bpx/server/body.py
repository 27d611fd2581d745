"""A request's body: read whole and bounded, before the application is asked."""

from typing import Any

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import IterUnreader

from bpx.errors import TooLarge

LIMIT_BYTES = 64 * 1024


def receive_body(request: Any, connection: Any) -> None:
    """Read the body of a gunicorn request into memory, in place.

    Raises:
        TooLarge: it is longer than the limit; the rest of it is still unread.
        NoMoreData: the client went away; half a request is no request.
    """
    reader = request.body.reader
    length = reader.length if isinstance(reader, LengthReader) else None
    if length == 0:
        return
    if length is not None and length > LIMIT_BYTES:
        raise TooLarge(f"Request body is over {LIMIT_BYTES} bytes.")
    if request._expected_100_continue:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request._expected_100_continue = False
    content = request.body.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise TooLarge(f"Request body is over {LIMIT_BYTES} bytes.")
    if length is not None and len(content) < length:
        raise NoMoreData(b"")
    request.body = Body(LengthReader(IterUnreader([content]), len(content)))
