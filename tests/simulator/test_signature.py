"""Which bytes a signature covers."""

import pytest

from bpx.simulator.signature import is_signed, signed_payload
from bpx.simulator.venue import Request


@pytest.mark.parametrize(
    ("target", "body", "payload"),
    [
        ("/p?a=1&b=%e5&signature=ff", b"", b"a=1&b=%e5"),
        ("/p?signature=ff&a=1", b"", b"a=1"),
        ("/p?a=1", b"b=2&signature=ff", b"a=1b=2"),
        ("/p?a=1&signature=ff", b"b=2", b"a=1b=2"),
        ("/p?a=1&signature=ff&c=3", b"", b"a=1&c=3"),
    ],
)
def test_everything_but_the_signature_is_signed(target, body, payload):
    assert signed_payload(Request("POST", target, {}, body)) == (payload, b"ff")


def test_a_request_without_a_signature_is_not_signed():
    assert not is_signed(Request("GET", "/p?a=1"))
    assert is_signed(Request("GET", "/p?a=1&signature="))
