"""What RFC 6455 allows comes out whole; what it forbids does not get far."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpx.streams.frames import MOST_BYTES, BadFrame, Frames, Opcode, close_code
from tests.faults.frame_corpus import FORBIDDEN
from tests.faults.frame_server import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    closing,
    frame,
)

PAYLOADS = st.binary(max_size=300) | st.integers(300, 70_000).map(lambda size: b"x" * size)


def read(content: bytes, step: int | None = None, **options: object) -> list[tuple[int, bytes]]:
    """Return all messages of `content`, fed `step` bytes at a time."""
    frames, messages = Frames(**options), []  # type: ignore[arg-type]
    step = step or max(1, len(content))
    for begin in range(0, len(content), step):
        frames.feed(content[begin : begin + step])
        while (message := frames.next()) is not None:
            messages.append(message)
    return messages


# What is allowed


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_one_frame_is_read_at_every_size(size: int, opcode: int):
    assert read(frame(b"x" * size, opcode)) == [(opcode, b"x" * size)]


@pytest.mark.parametrize("length_bytes", [2, 8])
def test_a_length_may_be_said_with_more_bytes_than_needed(length_bytes: int):
    assert read(frame(b"ab", length_bytes=length_bytes), step=1) == [(TEXT, b"ab")]


def test_control_frames_come_between_the_fragments_of_a_message():
    content = (
        frame(b"a", fin=False)
        + frame(b"1", PING)
        + frame(b"", CONTINUATION, fin=False)
        + frame(b"2", PONG)
        + frame(b"b", CONTINUATION)
        + frame(b"c")
    )
    assert read(content, step=1) == [(PING, b"1"), (PONG, b"2"), (TEXT, b"ab"), (TEXT, b"c")]


@given(
    messages=st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), st.lists(PAYLOADS, min_size=1))),
    pings=st.binary(max_size=125),
    step=st.integers(1, 5000),
)
def test_however_messages_are_cut_they_come_out_whole(
    messages: list[tuple[int, list[bytes]]], pings: bytes, step: int
):
    content = b""
    for opcode, fragments in messages:
        for at, fragment in enumerate(fragments):
            content += frame(pings, PING)
            content += frame(fragment, CONTINUATION if at else opcode, fin=at == len(fragments) - 1)
    whole = [row for row in read(content, step) if row[0] != PING]
    assert whole == [(opcode, b"".join(fragments)) for opcode, fragments in messages]


def test_text_that_is_not_utf8_is_left_to_whoever_reads_it():
    assert read(frame(b"\xff\xfe")) == [(TEXT, b"\xff\xfe")]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999])
def test_a_close_frame_says_its_code(code: int):
    [(opcode, payload)] = read(closing(code, "grüße".encode()))
    assert (opcode, close_code(payload), payload[2:].decode()) == (Opcode.CLOSE, code, "grüße")


def test_a_close_frame_may_say_nothing():
    [(opcode, payload)] = read(closing())
    assert (opcode, close_code(payload)) == (Opcode.CLOSE, None)


# What is not


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_forbidden_is_refused_with_the_right_code(name: str):
    content, code = FORBIDDEN[name]
    for step in (len(content), 1) if len(content) < 1000 else (4096,):
        with pytest.raises(BadFrame) as error:
            read(content, step)
        assert error.value.code == code


# Compression bits


def test_a_compressed_message_is_handed_over_whole_to_be_decompressed():
    content = frame(b"ab", fin=False, rsv=4) + frame(b"cd", CONTINUATION) + frame(b"ef")
    assert read(content, inflate=bytes.upper) == [(TEXT, b"ABCD"), (TEXT, b"ef")]


@pytest.mark.parametrize(
    "content",
    [
        frame(b"a", PING, rsv=4),
        frame(b"a", rsv=4, fin=False) + frame(b"b", CONTINUATION, rsv=4),
        frame(b"a", fin=False) + frame(b"b", CONTINUATION, rsv=4),
    ],
)
def test_only_the_first_frame_of_a_message_may_say_compressed(content: bytes):
    with pytest.raises(BadFrame, match="compressed"):
        read(content, inflate=bytes.upper)


# Size


def test_the_largest_message_has_8_mb():
    [(_, content)] = read(frame(b"x" * MOST_BYTES), step=1 << 16)
    assert len(content) == MOST_BYTES == 8 * 1024 * 1024


@pytest.mark.parametrize(
    "length", [MOST_BYTES + 1, 16 << 20, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]
)
def test_a_larger_one_is_refused_by_its_header_alone(length: int):
    with pytest.raises(BadFrame) as error:
        read(frame(length=length))
    assert error.value.code == 1009


def test_fragments_are_added_up_and_refused_before_the_last_is_there():
    content = frame(b"x" * 60, fin=False) + frame(b"y" * 40, CONTINUATION, fin=False)
    assert read(content, most_bytes=100) == []
    with pytest.raises(BadFrame) as error:
        read(content + frame(length=1)[:2].replace(b"\x81", b"\x80"), most_bytes=100)
    assert error.value.code == 1009


def test_empty_fragments_take_no_memory():
    frames = Frames()
    frames.feed(frame(b"", fin=False))
    assert frames.next() is None
    tracemalloc.start()
    try:
        for _ in range(200):
            frames.feed(frame(b"", CONTINUATION, fin=False) * 1000)
            assert frames.next() is None
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


# What has begun


def test_it_is_known_whether_something_has_begun():
    frames = Frames()
    assert not frames.is_amid
    for piece, is_amid, is_within in [
        (frame(b"a"), False, False),
        (frame(b"ab")[:3], True, False),
        (frame(b"ab")[3:], False, False),
        (frame(b"a", fin=False), True, True),
        (frame(b"", PING), True, True),
        (frame(b"b", CONTINUATION), False, False),
    ]:
        frames.feed(piece)
        while frames.next() is not None:
            pass
        assert (frames.is_amid, frames.is_within_message) == (is_amid, is_within)
