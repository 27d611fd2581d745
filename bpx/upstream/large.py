"""Replies that are too large to be read before they go on."""

from collections.abc import Callable, Iterator

from urllib3 import BaseHTTPResponse

from bpx.errors import ReadFailed
from bpx.runtime import Runtime
from bpx.upstream.body import decoder
from bpx.upstream.raw import FAULTS

STREAM_S = 60.0  # from the first chunk to the last


class ReplyStream:
    """The body of a large reply as it comes.

    Args:
        runtime: time and deadlines.
        response: of which the body is.
        begin: what was read of it.
        rest: what comes.
        free: is called once, when Binance's connection is not needed any more.
    """

    def __init__(
        self,
        runtime: Runtime,
        response: BaseHTTPResponse,
        begin: bytes,
        rest: Iterator[bytes],
        free: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._response = response
        self._chunks = rest
        self._begin: bytes | None = begin
        self._decoding = decoder(response.headers.get("Content-Encoding"))
        self._until = runtime.now() + STREAM_S
        self._free: Callable[[], None] | None = free

    def __iter__(self) -> "ReplyStream":
        return self

    def __next__(self) -> bytes:
        """Return the next chunk.

        Raises:
            ReadFailed: the reply broke; what went before is worth nothing.
        """
        try:
            with self._runtime.deadline(max(0.001, self._until - self._runtime.now())):
                chunk = self._next()
        except FAULTS as error:
            self.close()
            raise ReadFailed(f"a large reply broke: {type(error).__name__}") from error
        if not chunk:
            self.close()
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Give the connection up, however much has been read."""
        self._response.close()
        free, self._free = self._free, None
        if free is not None:
            free()

    def _next(self) -> bytes:
        if self._begin is not None:
            chunk, self._begin = self._begin, None
        else:
            chunk = next(self._chunks, b"")
        if chunk:
            self._decoding.feed(chunk)
        else:
            self._decoding.finish()
        return chunk
