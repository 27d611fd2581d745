"""Bodies of replies: read, and proven to be whole."""

import zlib
from collections.abc import Callable
from typing import Protocol

import orjson

from bpx.runtime import Runtime

WHOLE_BYTES = 8 << 20  # up to which a reply is read before any of it goes on
DECODED_BYTES = 32 << 20  # the most that one reply may unfold to
OFFLOAD_BYTES = 1 << 16  # from which on a body is looked into beside everything else
_STEP_BYTES = 1 << 18

_GZIP = zlib.MAX_WBITS | 16


class BadBody(ValueError):
    """The body is cut, broken, or too large."""


class Decoder(Protocol):
    """Takes an encoded body piece by piece."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return what `chunk` unfolds to.

        Raises:
            BadBody: it does not, or to too much.
        """

    def finish(self) -> None:
        """Take note that the body is over.

        Raises:
            BadBody: it cannot be.
        """


class Plain:
    """A body that is not encoded, or in a way that was not asked for and that we do not know."""

    def __init__(self) -> None:
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """See `Decoder`."""
        self._size += len(chunk)
        if self._size > DECODED_BYTES:
            raise BadBody("body is too large")
        return [chunk]

    def finish(self) -> None:
        """See `Decoder`."""


class Unfolding:
    """A body in gzip (RFC 1952; one member or several) or deflate (RFC 1950, or 1951 bare)."""

    def __init__(self, coding: str) -> None:
        self._is_gzip = coding != "deflate"
        self._unfold = zlib.decompressobj(_GZIP if self._is_gzip else zlib.MAX_WBITS)
        self._has_begun = False
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """See `Decoder`."""
        pieces: list[bytes] = []
        while chunk:
            if self._unfold.eof:
                self._begin_member()
            piece = self._step(chunk)
            self._size += len(piece)
            if self._size > DECODED_BYTES:
                raise BadBody("body unfolds to too much")
            pieces.append(piece)
            chunk = self._unfold.unused_data if self._unfold.eof else self._unfold.unconsumed_tail
        return pieces

    def finish(self) -> None:
        """See `Decoder`."""
        if self._has_begun and not self._unfold.eof:
            raise BadBody("encoded body is cut")

    def _begin_member(self) -> None:
        if not self._is_gzip:
            raise BadBody("encoded body goes on after its end")
        self._unfold = zlib.decompressobj(_GZIP)

    def _step(self, chunk: bytes) -> bytes:
        try:
            piece = self._unfold.decompress(chunk, _STEP_BYTES)
        except zlib.error as error:
            if self._is_gzip or self._has_begun:
                raise BadBody(f"encoded body is broken: {error}") from error
            piece = self._begin_bare(chunk)
        self._has_begun = True
        return piece

    def _begin_bare(self, chunk: bytes) -> bytes:
        """Read deflate without its envelope, which some servers leave out."""
        self._unfold = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._unfold.decompress(chunk, _STEP_BYTES)
        except zlib.error as error:
            raise BadBody(f"encoded body is broken: {error}") from error


def decoder(content_encoding: str | None) -> Decoder:
    """Return what decodes a body of that Content-Encoding."""
    coding = (content_encoding or "").strip().lower()
    return Unfolding(coding) if coding in ("gzip", "x-gzip", "deflate") else Plain()


def decode(body: bytes, content_encoding: str | None) -> bytes:
    """Return a whole body decoded.

    Raises:
        BadBody: it is cut, broken or too large.
    """
    decoding = decoder(content_encoding)
    pieces = decoding.feed(body)
    decoding.finish()
    return b"".join(pieces)


def check_json(body: bytes) -> None:
    """Prove that a decoded body is one whole JSON document.

    Raises:
        BadBody: it is not.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadBody("body is not JSON") from error


def beside(runtime: Runtime, compute: Callable[[], bytes], size_bytes: int) -> bytes:
    """Return what `compute` returns; if it has much to do, it does it in a thread."""
    return runtime.offload(compute) if size_bytes > OFFLOAD_BYTES else compute()
