import pytest

from bpx.simulator.control import Outcome, Session


def session(market="spot", combined=True, max_streams=4):
    return Session(market, combined, max_streams)


def test_subscribe_is_acknowledged_whatever_the_name_and_adds_each_name_once():
    one = session()
    assert one.start(["a@trade"]) == Outcome(b"", added=("a@trade",))
    told = one.obey(b'{"method":"SUBSCRIBE","params":["a@trade","NOPE","NOPE"],"id":1}')
    assert told == Outcome(b'{"result":null,"id":1}', added=("NOPE",))
    listed = one.obey(b'{"method":"LIST_SUBSCRIPTIONS","id":3}')
    assert listed.reply == b'{"result":["a@trade","NOPE"],"id":3}'


def test_unsubscribe_removes_what_was_there_and_is_acknowledged_anyway():
    one = session()
    one.start(["a@trade"])
    told = one.obey(b'{"method":"UNSUBSCRIBE","params":["a@trade","b@trade"],"id":312}')
    assert told == Outcome(b'{"result":null,"id":312}', removed=("a@trade",))


def test_one_stream_too_many_is_error_4_and_the_end():
    one = session(max_streams=2)
    one.start(["a@trade", "b@trade"])
    told = one.obey(b'{"method":"SUBSCRIBE","params":["c@trade"],"id":1}')
    assert told == Outcome(b'{"error":{"code":4,"msg":"Too many subscriptions"}}', close=True)
    assert session(max_streams=1).start(["a", "b"]).close


def test_the_combined_property_can_be_asked_and_set():
    one = session(combined=False)
    ask = b'{"method":"GET_PROPERTY","params":["combined"],"id":2}'
    assert one.obey(ask).reply == b'{"result":false,"id":2}'
    told = one.obey(b'{"method":"SET_PROPERTY","params":["combined",true],"id":5}')
    assert told.reply == b'{"result":null,"id":5}'
    assert one.obey(ask).reply == b'{"result":true,"id":2}'
    assert one.combined


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (
            b'{"method":"GET_PROPERTY","params":["other"],"id":1}',
            b'{"code":0,"msg":"Unknown property","id":1}',
        ),
        (
            b'{"method":"SET_PROPERTY","params":["combined",1],"id":1}',
            b'{"code":1,"msg":"Invalid value type: expected Boolean","id":1}',
        ),
        (
            b'{"method":"SET_PROPERTY","params":[7,true],"id":1}',
            b'{"code":2,"msg":"Invalid request: property name must be a string","id":1}',
        ),
        (
            b'{"method":"GET_PROPERTY","params":[],"id":1}',
            b'{"code":2,"msg":"Invalid request: property name must be a string","id":1}',
        ),
        (
            b'{"method":"GET_PROPERTY","params":["combined",1],"id":1}',
            b'{"code":2,"msg":"Invalid request: too many parameters","id":1}',
        ),
        (
            b'{"method":"SHOUT","id":1}',
            b'{"code":2,"msg":"Invalid request: unknown variant `SHOUT`, expected one of '
            b"`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` "
            b'at line 1 column 28","id":1}',
        ),
        (
            b'{"params":[],"id":1}',
            b'{"code":2,"msg":"Invalid request: missing field `method` at line 1 column 1","id":1}',
        ),
        (
            b"{oops",
            b'{"code":3,"msg":"Invalid JSON: expected value at line 1 column 2"}',
        ),
    ],
)
def test_mistakes_get_the_documented_errors(request_, reply):
    assert session().obey(request_) == Outcome(reply)


@pytest.mark.parametrize("bad_id", [b'"a b"', b"1.5", b"[]", b'"' + b"a" * 37 + b'"'])
def test_a_bad_id_is_refused(bad_id):
    told = session().obey(b'{"method":"SUBSCRIBE","params":["a@trade"],"id":%b}' % bad_id)
    assert told.added == ()
    assert b'"code":2,"msg":"Invalid request: request ID' in told.reply


def test_ids_of_spot_may_be_text_or_null_and_those_of_futures_may_not():
    text = b'{"method":"SUBSCRIBE","params":["a@trade"],"id":"abc1"}'
    null = b'{"method":"SUBSCRIBE","params":["a@trade"],"id":null}'
    assert session("spot").obey(text).reply == b'{"result":null,"id":"abc1"}'
    assert session("spot").obey(null).reply == b'{"result":null,"id":null}'
    assert b'"code":2' in session("futures").obey(text).reply
    assert b'"code":2' in session("futures").obey(null).reply
