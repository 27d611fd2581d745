import gzip
import zlib

import pytest

from bpx.upstream.body import BadBody, check_json, decode, decoder

TEXT = b'[[1,"0.00000010"]]' * 2000
BARE = zlib.compressobj(wbits=-15)
BARE_TEXT = BARE.compress(TEXT) + BARE.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", BARE_TEXT),
    ],
)
def test_a_whole_body_is_decoded(encoding: str | None, body: bytes):
    assert decode(body, encoding) == TEXT


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("gzip", gzip.compress(TEXT)[:-1]),
        ("gzip", gzip.compress(TEXT)[:-8] + b"\0" * 8),
        ("gzip", b"{}"),
        ("gzip", gzip.compress(TEXT) + b"junk"),
        ("deflate", zlib.compress(TEXT)[:-2]),
        ("deflate", zlib.compress(TEXT) + b"junk"),
        ("deflate", BARE_TEXT[:-3]),
        ("deflate", b"\xff\xff\xff"),
    ],
)
def test_a_cut_or_broken_body_is_found_out(encoding: str, body: bytes):
    with pytest.raises(BadBody):
        decode(body, encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", None])
def test_a_body_that_unfolds_to_too_much_is_refused(encoding: str | None):
    zeros = bytes(33 << 20)
    body = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding or "", bytes)(zeros)
    with pytest.raises(BadBody):
        decode(body, encoding)


def test_a_body_can_come_byte_by_byte():
    decoding = decoder("gzip")
    pieces = [piece for byte in gzip.compress(TEXT) for piece in decoding.feed(bytes([byte]))]
    decoding.finish()
    assert b"".join(pieces) == TEXT


def test_an_encoding_that_is_not_known_is_left_alone():
    assert decode(b"\x1b\x03", "br") == b"\x1b\x03"


@pytest.mark.parametrize("body", [b"", b"[[1,2],[3", b"<html>", b"[" * 1_000_000, b"NaN", b"{}{}"])
def test_what_is_not_one_json_document_is_found_out(body: bytes):
    with pytest.raises(BadBody):
        check_json(body)


def test_a_json_document_passes():
    check_json(TEXT[:18])
