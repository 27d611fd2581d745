from bpx.upstream.call import Call, Kind
from bpx.upstream.slow import SlowCalls

CALL = Call("GET", "/api/v3/depth?symbol=X&signature=secret", kind=Kind.PUBLIC, client="10.0.0.1")


def test_what_took_long_is_kept_with_what_it_waited_for_and_without_its_query():
    slow = SlowCalls()
    slow.note(CALL, 0.9, 0.2, "200")
    (call,) = slow.newest()
    assert (call.kind, call.path, call.client) == ("public", "/api/v3/depth", "10.0.0.1")
    assert (call.waited_s, call.took_s, call.outcome) == (0.9, 0.2, "200")
    assert call.at > 0


def test_what_did_not_is_not():
    slow = SlowCalls()
    slow.note(CALL, 0.4, 0.5, "200")
    assert slow.newest() == []


def test_the_newest_is_first_and_the_oldest_goes():
    slow = SlowCalls(most=2)
    for number in range(3):
        slow.note(CALL, 2.0, 0.0, str(number))
    assert [call.outcome for call in slow.newest()] == ["2", "1"]
