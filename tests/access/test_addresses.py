"""G8: who a client is, is decided by its connection, unless that is a proxy of ours."""

from ipaddress import ip_address, ip_network

import pytest

from bpx.access.addresses import Filter, Proxies, name_of, read_address, read_peer

NEAR = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::1", "::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::FFFF:127.0.0.1", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("localhost", None),
        ("203.0.113.9:80", None),
        ("203.0.113", None),
        ("0203.0.113.9", None),
        ("203.0.113.9 ", None),
        ("203.0.113.256", None),
    ],
)
def test_an_address_is_read_or_is_none(text, address):
    assert read_address(text) == (None if address is None else ip_address(address))


def test_a_unix_socket_is_on_this_machine():
    assert read_peer("") == ip_address("127.0.0.1")


@pytest.mark.parametrize(
    ("hops", "peer", "said", "client"),
    [
        # Nobody is in front: whatever is said, the connection counts.
        (0, "203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (0, "127.0.0.1", "203.0.113.9", "127.0.0.1"),
        # One proxy: what it has put last is true, all before it is made up.
        (1, "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "127.0.0.1", "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (1, "127.0.0.1", "10.0.0.1,nonsense,203.0.113.9", "203.0.113.9"),
        (1, "127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        (1, "127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "127.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        (1, "::ffff:10.1.2.3", "2001:db8::1", "2001:db8::1"),
        # Two of them.
        (2, "10.0.0.2", "198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        # A connection from elsewhere: its word counts for nothing.
        (1, "203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1, 127.0.0.1", "203.0.113.9"),
        # Nothing is said, or not enough: it is the proxy's own question.
        (1, "127.0.0.1", None, "127.0.0.1"),
        (1, "127.0.0.1", "", "127.0.0.1"),
        (2, "127.0.0.1", "203.0.113.9", "127.0.0.1"),
        # Garbage is nobody.
        (1, "127.0.0.1", "nonsense", None),
        (1, "127.0.0.1", "203.0.113.9, ", None),
        (1, "127.0.0.1", "203.0.113.9:", None),
        (1, "127.0.0.1", "[2001:db8::1", None),
        (1, "127.0.0.1", "[2001:db8::1]x", None),
        (1, "127.0.0.1", "203.0.113.9;", None),
        (1, "127.0.0.1", "unknown", None),
        (0, "nonsense", None, None),
    ],
)
def test_g8_the_last_proxy_that_is_not_ours_is_the_client(hops, peer, said, client):
    found = Proxies(hops, NEAR).client(peer, said)
    assert found == (None if client is None else ip_address(client))


@pytest.mark.parametrize(
    ("allowed", "denied", "address", "permits"),
    [
        ([], [], "203.0.113.9", True),
        (["10.0.0.0/8"], [], "10.9.9.9", True),
        (["10.0.0.0/8"], [], "203.0.113.9", False),
        (["2001:db8::/32"], [], "2001:db8:1::1", True),
        (["2001:db8::/32"], [], "10.9.9.9", False),
        ([], ["10.0.0.0/8"], "10.9.9.9", False),
        (["10.0.0.0/8"], ["10.9.0.0/16"], "10.9.9.9", False),
        (["10.0.0.0/8"], ["10.9.0.0/16"], "10.8.9.9", True),
    ],
)
def test_g8_what_is_denied_is_denied_even_if_it_is_allowed(allowed, denied, address, permits):
    rules = Filter(tuple(map(ip_network, allowed)), tuple(map(ip_network, denied)))
    assert rules.permits(ip_address(address)) is permits


def test_whoever_has_a_network_is_one_client():
    assert name_of(ip_address("203.0.113.9")) == "203.0.113.9"
    assert name_of(ip_address("2001:db8:1:2:3::4")) == "2001:db8:1:2::/64"
