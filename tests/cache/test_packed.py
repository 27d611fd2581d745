import gzip
import zlib

import pytest

from bpx.cache.packed import pack

REST = b'{"symbol":"BTCUSDT","status":"TRADING"},' * 500


def one_member(body):
    """Decompress as the plainest of clients does: one member, and nothing behind it."""
    unfolding = zlib.decompressobj(zlib.MAX_WBITS | 16)
    whole = unfolding.decompress(body)
    assert unfolding.eof
    assert unfolding.unused_data == b""
    return whole


@pytest.mark.parametrize("head", [b"", b"[", b'{"serverTime":1}' * 9, REST])
@pytest.mark.parametrize("rest", [b"", b"]", REST])
def test_two_parts_are_one_member(head, rest):
    packed = pack(head, rest, 5)
    assert one_member(packed.body) == head + rest
    assert gzip.decompress(packed.body) == head + rest


def test_a_new_head_leaves_the_compressed_rest_as_it_is():
    earlier = pack(b"[1,", REST, 5)
    packed = pack(b"[2,3,", REST, 5, earlier)
    assert one_member(packed.body) == b"[2,3," + REST
    assert packed.body[packed.rest_at : -8] == earlier.body[earlier.rest_at : -8]


def test_a_rest_that_is_not_the_earlier_one_is_told_by_the_checksum():
    packed = pack(b"[", REST.lower(), 5, pack(b"[", REST, 5))
    with pytest.raises(zlib.error):
        one_member(packed.body)


def test_a_body_is_compressed():
    assert len(pack(b"[", REST, 5).body) < len(REST) / 20
