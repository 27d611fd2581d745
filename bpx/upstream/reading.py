"""A reply, read to its end and proven to be whole before any of it goes on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from urllib3 import BaseHTTPResponse

from bpx.runtime import Runtime
from bpx.upstream.body import DECODED_BYTES, beside, check_json, decode
from bpx.upstream.broken import Crowded, Elsewhere
from bpx.upstream.call import Call, Headers, Reply
from bpx.upstream.headers import to_client
from bpx.upstream.large import ReplyStream
from bpx.upstream.raw import header_pairs


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads replies.

    Args:
        runtime: time, deadlines, and threads for what is long.
        stream_slot: takes a place for a reply that is too large to be read whole, and returns
            what gives it back; None if there is none.
        chunk_bytes: that are read at a time.
    """

    runtime: Runtime
    stream_slot: Callable[[], Callable[[], None] | None]
    chunk_bytes: int

    def read(self, call: Call, response: BaseHTTPResponse, whole_bytes: int) -> Reply:
        """Read a reply, up to `whole_bytes`; a larger one goes on as a stream.

        Raises:
            Elsewhere: it is a redirect.
            Crowded: too many large ones are under way.
            ValueError: it cannot be passed on. Also all that requests raises.
        """
        status = response.status
        if 300 <= status < 400 and status != 304:
            raise Elsewhere(f"reply with status {status}")
        if status < 200:
            raise ValueError(f"reply with status {status}")
        pairs = header_pairs(response)
        if call.method != "HEAD" and _announced_bytes(pairs) > DECODED_BYTES:
            raise ValueError("reply is too large")
        headers = to_client(pairs)
        if call.method == "HEAD" and status != 204:  # RFC 9110, 8.6
            headers += _content_length(pairs)
        chunks = response.stream(self.chunk_bytes, decode_content=False)
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > whole_bytes:
                reply = Reply(status, headers + _content_length(pairs), b"")
                return replace(reply, stream=self._stream(response, bytes(body), chunks))
        response.release_conn()
        has_end = _has_end(call, status, response)
        return self._proven(Reply(status, headers, bytes(body)), has_end=has_end)

    def _stream(
        self, response: BaseHTTPResponse, begin: bytes, rest: Iterator[bytes]
    ) -> ReplyStream:
        free = self.stream_slot()
        if free is None:
            raise Crowded("too many large replies at a time")
        return ReplyStream(self.runtime, response, begin, rest, free)

    def _proven(self, reply: Reply, *, has_end: bool) -> Reply:
        """Prove that a body is whole: by its encoding, and by itself if nothing frames it."""
        encoding = reply.header("Content-Encoding")
        if encoding is None or not reply.body:
            decoded = reply.body
        else:
            decoding = partial(decode, reply.body, encoding)
            decoded = beside(self.runtime, decoding, len(reply.body))
        is_json = "json" in (reply.header("Content-Type") or "json")
        if not has_end and is_json and (decoded or reply.status == 200):
            check_json(decoded)
        return Reply(reply.status, reply.headers, reply.body, decoded)


def _announced_bytes(pairs: list[tuple[str, str]]) -> int:
    lengths = [value for _, value in _content_length(pairs)]
    return int(lengths[0]) if lengths and lengths[0].isdecimal() else 0


def _content_length(pairs: list[tuple[str, str]]) -> Headers:
    return tuple(pair for pair in pairs if pair[0].lower() == "content-length")[:1]


def _has_end(call: Call, status: int, response: Any) -> bool:
    """Tell whether HTTP itself shows where the body ends: without that, a cut looks like it."""
    is_bodiless = call.method == "HEAD" or status in (204, 304)
    is_chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return is_bodiless or is_chunked or "Content-Length" in response.headers
