"""permessage-deflate: only what was offered is agreed to, and what was compressed comes back."""

import tracemalloc
import zlib

import pytest
from aiohttp._websocket.helpers import ws_ext_gen
from hypothesis import given
from hypothesis import strategies as st

from bpx.streams.deflate import OFFER, BadAnswer, Inflater, agreed
from bpx.streams.frames import BadFrame, Frames
from tests.faults.frame_server import BINARY, CONTINUATION, frame

MESSAGES = st.lists(st.binary(max_size=50) | st.sampled_from([b"", b'{"a":1}' * 99]), max_size=8)


class Deflater:
    """The other side, as RFC 7692, 7.2.1 says."""

    def __init__(self, window: int = 15, keeps_context: bool = True, level: int = 6) -> None:
        self._fresh = lambda: zlib.compressobj(level, zlib.DEFLATED, -window)
        self._keeps_context = keeps_context
        self._stream = self._fresh()

    def __call__(self, content: bytes) -> bytes:
        if not self._keeps_context:
            self._stream = self._fresh()
        packed = self._stream.compress(content) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        return packed.removesuffix(b"\x00\x00\xff\xff")


def final(content: bytes) -> bytes:
    """Compress by blocks of which the last says so (RFC 7692, 7.2.3.4)."""
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(content) + stream.flush() + b"\x00"


# Round trips


@given(MESSAGES, st.integers(9, 15), st.booleans(), st.integers(0, 9))
def test_messages_come_back_as_they_were(
    messages: list[bytes], window: int, keeps_context: bool, level: int
):
    deflate, inflate = Deflater(window, keeps_context, level), Inflater(keeps_context=keeps_context)
    assert [inflate(deflate(message)) for message in messages] == messages


@given(MESSAGES, st.integers(1, 40), st.integers(1, 60), st.data())
def test_compressed_and_plain_messages_in_fragments_come_back_as_they_were(
    messages: list[bytes], size: int, step: int, data: st.DataObject
):
    deflate, frames = Deflater(), Frames(Inflater())
    content = b""
    for message in messages:
        packed = data.draw(st.booleans())
        payload = deflate(message) if packed else message
        cuts = range(0, max(1, len(payload)), size)
        for begin in cuts:
            content += frame(
                payload[begin : begin + size],
                CONTINUATION if begin else BINARY,
                fin=begin == cuts[-1],
                rsv=4 if packed and not begin else 0,
            )
    heard = []
    for begin in range(0, len(content), step):
        frames.feed(content[begin : begin + step])
        while (one := frames.next()) is not None:
            heard.append(one)
    assert heard == [(BINARY, message) for message in messages]


def test_the_example_of_the_rfc_is_read():
    hello = bytes.fromhex("f248cdc9c90700")
    again = bytes.fromhex("f200110000")
    inflate = Inflater()
    assert [inflate(hello), inflate(again)] == [b"Hello", b"Hello"]
    assert Inflater()(bytes.fromhex("000500faff48656c6c6f00")) == b"Hello"
    assert Inflater()(bytes.fromhex("f348cdc9c9070000")) == b"Hello"
    assert Inflater()(bytes.fromhex("f248050000 00ffffcac9c90700".replace(" ", ""))) == b"Hello"


def test_with_takeover_a_message_may_refer_to_the_one_before_and_else_it_may_not():
    deflate = Deflater()
    first, second = deflate(b"0123456789" * 9), deflate(b"0123456789" * 9)
    keeping = Inflater()
    assert keeping(first) == keeping(second)
    forgetting = Inflater(keeps_context=False)
    forgetting(first)
    with pytest.raises(BadFrame):
        forgetting(second)


def test_a_stream_that_ends_with_each_message_is_read():
    inflate = Inflater()
    assert [inflate(final(b"one")), inflate(final(b"two"))] == [b"one", b"two"]
    assert inflate(Deflater()(b"three")) == b"three"


# What is broken or too big


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", b"\x07garbage", final(b"a")[:-1] + b"\x03"])
def test_what_was_not_compressed_is_an_error_of_content(payload: bytes):
    with pytest.raises(BadFrame) as error:
        Inflater()(payload)
    assert error.value.code == 1007


def test_a_bomb_takes_no_more_memory_than_the_largest_message():
    bomb = Deflater(level=9)(b"\x00" * (200 << 20))
    assert len(bomb) < 1 << 18
    tracemalloc.start()
    try:
        with pytest.raises(BadFrame) as error:
            Inflater()(bomb)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert error.value.code == 1009


def test_the_limit_is_of_the_decompressed_message():
    assert Inflater(most_bytes=100)(Deflater()(b"x" * 100)) == b"x" * 100
    with pytest.raises(BadFrame):
        Inflater(most_bytes=100)(Deflater()(b"x" * 101))
    with pytest.raises(BadFrame):
        Inflater(most_bytes=100)(final(b"x" * 100)[:-1] + Deflater()(b"y"))


# What is agreed


def test_without_an_answer_nothing_is_compressed():
    assert agreed(None, is_offered=True) is None
    assert agreed(None, is_offered=False) is None


@pytest.mark.parametrize(
    ("parameters", "keeps_context"),
    [
        ("", True),
        ("; server_no_context_takeover", False),
        ("; client_no_context_takeover", True),
        (";server_max_window_bits=8;client_max_window_bits=15", True),
        ('; server_max_window_bits="10"; Server_No_Context_Takeover', False),
        (" ; client_max_window_bits = 9 ", True),
    ],
)
def test_every_answer_that_the_offer_allows_is_understood(parameters: str, keeps_context: bool):
    inflate = agreed(f"permessage-deflate{parameters}", is_offered=True)
    assert inflate is not None
    deflate = Deflater(9, keeps_context=True)
    first, second = deflate(b"0123456789" * 9), deflate(b"0123456789" * 9)
    inflate(first)
    if keeps_context:
        assert inflate(second) == b"0123456789" * 9
    else:
        with pytest.raises(BadFrame):
            inflate(second)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "permessage-foo",
        "x-webkit-deflate-frame",
        "permessage-deflate;",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        'permessage-deflate; server_max_window_bits="10',
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; server_no_context_takeover, x-other",
    ],
)
def test_every_other_answer_fails(answer: str):
    with pytest.raises(BadAnswer):
        agreed(answer, is_offered=True)


def test_what_was_not_offered_cannot_be_agreed():
    with pytest.raises(BadAnswer):
        agreed("permessage-deflate", is_offered=False)


def test_the_answers_of_another_library_are_understood():
    for window in range(9, 16):
        for forgets in (False, True):
            answer = ws_ext_gen(compress=window, isserver=True, server_notakeover=forgets)
            assert agreed(answer, is_offered=True) is not None
    assert ws_ext_gen() == OFFER
