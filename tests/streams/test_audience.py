from bpx.streams.audience import Audience
from bpx.streams.tap import Tap


def tap_of(*streams):
    return Tap("spot", streams, most_messages=10)


def test_a_stream_is_heard_by_all_who_want_it():
    first, second, audience = tap_of("a"), tap_of("a", "b"), Audience()
    audience.add(first)
    audience.add(second)
    assert audience.of("a") == (first, second)
    assert audience.of("b") == (second,)
    assert audience.of("c") == ()
    assert audience.all() == {first, second}
    assert set(audience.streams) == {"a", "b"}
    assert len(audience) == 2


def test_a_stream_is_wanted_until_the_last_one_leaves():
    first, second, audience = tap_of("a"), tap_of("a"), Audience()
    streams = audience.streams
    audience.add(first)
    audience.add(second)
    audience.remove(first)
    assert list(streams) == ["a"]
    audience.remove(second)
    assert list(streams) == []
    assert not audience


def test_who_has_left_may_leave_again():
    tap, audience = tap_of("a"), Audience()
    audience.add(tap)
    audience.remove(tap)
    audience.remove(tap)
    assert audience.all() == set()


def test_a_message_goes_to_all_who_hear_its_stream_and_it_is_told_if_nobody_does():
    first, second, other, audience = tap_of("a"), tap_of("a", "b"), tap_of("b"), Audience()
    for tap in (first, second, other):
        audience.add(tap)
    assert audience.put("a", b"1", at=7.0)
    assert first.next(0).at == second.next(0).at == 7.0
    assert other.next(0) is None
    assert not audience.put("c", b"1", at=7.0)
