from bpx.simulator.faults import Ending, Faults, Refusal, RestFault


def test_a_fault_hits_the_next_so_many_requests_that_it_means():
    faults = Faults()
    fault = RestFault("/api/v3/depth", method="GET", status=500)
    faults.break_rest(fault, times=2)
    assert faults.take_rest("GET", "/api/v3/klines") is None
    assert faults.take_rest("POST", "/api/v3/depth") is None
    taken = [faults.take_rest("GET", "/api/v3/depth?symbol=BTCUSDT") for _ in range(3)]
    assert taken == [fault, fault, None]


def test_the_newest_fault_wins_and_one_without_a_number_stays():
    faults = Faults()
    old, new = RestFault("", status=500), RestFault("/api", ending=Ending.STALL)
    faults.break_rest(old)
    faults.break_rest(new, times=1)
    assert [faults.take_rest("GET", "/api/x") for _ in range(3)] == [new, old, old]
    faults.clear()
    assert faults.take_rest("GET", "/api/x") is None


def test_handshakes_are_refused_as_often_as_asked():
    faults = Faults()
    faults.refuse_handshakes(Refusal(418), times=2)
    assert [faults.take_refusal() for _ in range(3)] == [Refusal(418), Refusal(418), None]


def test_streams_are_silenced_by_pattern_until_it_is_replaced():
    faults = Faults()
    faults.silence("btcusdt@*", "*@ticker")
    assert faults.is_silenced("btcusdt@depth")
    assert faults.is_silenced("ethusdt@ticker")
    assert not faults.is_silenced("ethusdt@depth")
    faults.silence()
    assert not faults.is_silenced("btcusdt@depth")


def test_messages_are_altered_by_pattern_and_the_newest_alteration_counts():
    faults = Faults()
    faults.alter("btcusdt@*", lambda good: [good, good])
    faults.alter("*@ticker", lambda good: [])
    assert faults.altered("btcusdt@depth", b"x") == [b"x", b"x"]
    assert faults.altered("btcusdt@ticker", b"x") == []
    assert faults.altered("ethusdt@depth", b"x") == (b"x",)
    faults.clear()
    assert faults.altered("btcusdt@ticker", b"x") == (b"x",)
