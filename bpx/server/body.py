"""A request's body: read whole and bounded, before the application is asked."""

from typing import Any

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import IterUnreader

from bpx.errors import TooLarge

_FRAMED = 8  # times the limit: sent in tiny chunks, a body is that much longer
_TRAILER_BYTES = 8 * 1024


def receive_body(request: Any, connection: Any) -> None:
    """Read the body of a gunicorn request into memory, in place.

    Raises:
        TooLarge: it is longer than the limit; the rest of it is still unread.
        RequestTooLong: it is not, but there is no end of how it is sent.
        NoMoreData: the client went away; half a request is no request.
    """
    reader = request.body.reader
    length = reader.length if isinstance(reader, LengthReader) else None
    if length == 0:
        return
    if length is not None and length > TooLarge.limit_bytes:
        raise TooLarge
    if length is None:
        reader.limit_trailer_section = _TRAILER_BYTES
    connection.expect(_FRAMED * TooLarge.limit_bytes)
    if request._expected_100_continue:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request._expected_100_continue = False
    content = request.body.read(TooLarge.limit_bytes + 1)
    if len(content) > TooLarge.limit_bytes:
        raise TooLarge
    if length is not None and len(content) < length:
        raise NoMoreData(b"")
    request.body = Body(LengthReader(IterUnreader([content]), len(content)))
