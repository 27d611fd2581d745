"""The one step in front of every request."""

from ipaddress import ip_network

import pytest

from bpx.access.addresses import Filter, Proxies
from bpx.access.admission import GUESSES, KEPT, Admission, Head, Rules
from bpx.access.keys import TRADING, Key, Keyring, Scope, digest_of
from bpx.access.sites import Hosts, Origins
from bpx.access.targets import Policy
from bpx.errors import BadTarget, Denied, NoKey, NotServed, TooFast, TooManyGuesses

KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m"
DEPTH = "/api/v3/depth"
HEAD = Head("GET", KLINES, "203.0.113.9")


class Here:
    """An admission, and its time."""

    def __init__(self, rules: Rules | None = None, **keys: frozenset[Scope]) -> None:
        self.now = 0.0
        self.admission = Admission(
            rules or Rules(), lambda: self.now, lambda path: path == "/api/v3/klines"
        )
        if keys:
            self.admission.use(
                Keyring(Key(name, scopes, digest_of(name)) for name, scopes in keys.items())
            )

    def decide(self, **more):
        return self.admission.decide(HEAD._replace(**more))


def test_without_keys_whoever_may_come_is_known_by_its_address():
    here = Here()
    admitted = here.decide()
    assert (admitted.client, admitted.key_name, admitted.headers) == ("203.0.113.9", None, ())


def test_a_key_makes_a_client_whatever_its_address():
    here = Here(bot=TRADING)
    assert here.decide(key="bot").client == "bot"
    assert here.decide(authorization="Bearer bot").client == "bot"
    assert here.decide(authorization="bearer  bot ").client == "bot"
    assert here.decide(key="bot", authorization="Bearer bot").client == "bot"


@pytest.mark.parametrize(
    "shown",
    [
        {}, {"key": ""}, {"key": "Bot"}, {"key": "bot,bot"}, {"key": "bot, other"},
        {"authorization": "bot"}, {"authorization": "Basic bot"}, {"authorization": "Bearer"},
        {"authorization": "Bearer x"}, {"key": "bot", "authorization": "Bearer x"},
        {"key": "x", "authorization": "Bearer bot"}, {"key": "x" * 10**6},
    ],
)  # fmt: skip
def test_g7_where_there_are_keys_nothing_else_lets_in(shown):
    with pytest.raises(NoKey) as refused:
        Here(bot=TRADING).decide(**shown)
    assert (refused.value.status, refused.value.code) == (401, -1002)


def test_g7_who_tries_many_keys_has_to_wait_and_hurts_nobody_else():
    here = Here(bot=TRADING)
    for _ in range(GUESSES):
        with pytest.raises(NoKey):
            here.decide(key="wrong")
    with pytest.raises(TooManyGuesses) as refused:
        here.decide(key="wrong")
    assert (refused.value.status, refused.value.retry_after) == (429, "6")
    assert here.decide(key="bot").client == "bot", "its neighbour's guesses are not its fault"
    with pytest.raises(NoKey):
        here.decide(key="wrong", peer="198.51.100.1")
    with pytest.raises(NoKey):
        here.decide(), "who shows none does not guess"
    here.now = 6.1
    with pytest.raises(NoKey):
        here.decide(key="wrong")


@pytest.mark.parametrize(
    ("request_", "scope"),
    [
        ({}, Scope.DATA),
        ({"method": "HEAD"}, Scope.DATA),
        ({"target": DEPTH}, Scope.PUBLIC),
        ({"target": f"{DEPTH}?signature=x"}, Scope.SIGNED),
        ({"target": f"{DEPTH}?%73ignature=x"}, Scope.SIGNED),
        ({"target": f"{KLINES}&signature=x"}, Scope.SIGNED),
        ({"method": "POST", "target": "/api/v3/order"}, Scope.SIGNED),
        ({"method": "PUT"}, Scope.SIGNED),
        ({"method": "DELETE"}, Scope.SIGNED),
        ({"method": "PATCH"}, Scope.SIGNED),
        ({"has_body": True}, Scope.SIGNED),
    ],
)
def test_a_key_is_for_its_scopes_alone(request_, scope):
    others = frozenset(Scope) - {scope}
    here = Here(right=frozenset({scope}), wrong=others)
    assert here.decide(key="right", **request_).client == "right"
    with pytest.raises(Denied) as refused:
        here.decide(key="wrong", **request_)
    assert (refused.value.status, refused.value.proxy_error) == (403, "scope")


def test_g8_an_address_that_may_not_is_denied_before_its_key_is_looked_at():
    rules = Rules(addresses=Filter((ip_network("10.0.0.0/8"),)))
    here = Here(rules, bot=TRADING)
    assert here.decide(peer="10.1.1.1", key="bot").client == "bot"
    with pytest.raises(Denied) as refused:
        here.decide(key="bot")
    assert refused.value.proxy_error == "address"


def test_g8_what_nobody_can_read_is_denied():
    here = Here(Rules(proxies=Proxies(1)))
    assert here.decide(peer="127.0.0.1", forwarded_for="198.51.100.7").client == "198.51.100.7"
    with pytest.raises(Denied):
        here.decide(peer="127.0.0.1", forwarded_for="nonsense")
    with pytest.raises(Denied):
        here.decide(peer="nonsense")


def test_g10_a_name_that_is_not_ours_is_denied():
    here = Here(Rules(hosts=Hosts(["bpx"])))
    assert here.decide(host="bpx:8090")
    with pytest.raises(Denied) as refused:
        here.decide(host="evil.example:8090")
    assert refused.value.proxy_error == "host"


def test_g10_a_preflight_needs_no_key_and_reaches_nobody():
    rules = Rules(origins=Origins(["https://example.org"]))
    here = Here(rules, bot=TRADING)
    asked = here.decide(method="OPTIONS", origin="https://example.org")
    assert asked.is_preflight
    assert ("Access-Control-Allow-Origin", "https://example.org") in asked.headers
    evil = here.decide(method="OPTIONS", origin="https://evil.example")
    assert evil.is_preflight
    assert "Access-Control-Allow-Origin" not in dict(evil.headers)
    with pytest.raises(NoKey):
        here.decide(method="OPTIONS")


def test_g4_a_target_that_could_be_read_in_two_ways_is_refused():
    with pytest.raises(BadTarget) as refused:
        Here().decide(target="/api/v3/../../sapi/v1/capital/withdraw/apply")
    assert (refused.value.status, refused.value.code) == (400, -1100)


@pytest.mark.parametrize("policy", Policy)
def test_g5_what_is_not_served_is_refused_as_such(policy):
    with pytest.raises(NotServed) as refused:
        Here(Rules(policy=policy)).decide(method="POST", target="/sapi/v1/capital/withdraw/apply")
    assert (refused.value.status, refused.value.code) == (404, -1020)


def test_who_asks_too_often_has_to_wait_and_nobody_else_has():
    here = Here(Rules(requests_per_s=2, burst=3))
    one, other = here.decide(), here.decide(peer="198.51.100.1")
    for _ in range(3):
        here.admission.count(one)
    with pytest.raises(TooFast) as refused:
        here.admission.count(one)
    assert (refused.value.status, refused.value.code) == (429, -1003)
    assert (refused.value.proxy_error, refused.value.retry_after) == ("client-limit", "1")
    here.admission.count(other)
    here.now = 0.5
    here.admission.count(one)


def test_an_equal_request_that_comes_in_again_is_counted_like_the_first():
    here = Here(Rules(requests_per_s=1, burst=2))
    one = here.decide()
    here.admission.count(one)
    assert here.admission.admits_again(one, here.now)
    assert not here.admission.admits_again(one, here.now)
    here.now = 1.0
    assert here.admission.admits_again(one, here.now)


def test_an_equal_request_may_come_in_again_until_the_keys_change():
    here = Here(bot=TRADING)
    admitted = here.decide(key="bot")
    assert here.admission.admits_again(admitted, here.now)
    here.admission.use(Keyring())
    assert not here.admission.admits_again(admitted, here.now)
    assert here.decide().key_name is None


def test_equal_heads_get_the_same_decision_and_no_more_are_kept_than_there_is_room_for():
    here = Here(bot=TRADING)
    first = here.decide(key="bot")
    assert here.decide(key="bot") is first
    for number in range(2 * KEPT):
        here.decide(key="bot", target=f"{KLINES}&limit={number}")
    assert len(here.admission._kept) <= KEPT
    here.decide(key="bot", host="x" * 500)
    assert max(map(len, map(str, (one.host for one in here.admission._kept)))) < 500
    assert here.decide(key="bot") == first


def test_a_head_does_not_show_its_key():
    assert "s3cret" not in repr(HEAD._replace(key="s3cret", authorization="Bearer s3cret"))
