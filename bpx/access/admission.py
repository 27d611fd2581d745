"""The one step in front of every request: who asks, whether it may, and how much.

Deciding depends on nothing but a request's head, the address it came from, and the keys of the
moment. So a decision can be kept for the next request that is equal to it, byte for byte, as long
as the keys are the same; what it lets through is counted each time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote_plus

from bpx.access.addresses import Filter, Proxies, name_of
from bpx.access.keys import Key, Keyring, Scope
from bpx.access.pace import Pace
from bpx.access.sites import Headers, Hosts, Origins
from bpx.access.targets import READS, Policy, is_plain, serves
from bpx.errors import BadTarget, Denied, NoKey, NotServed, TooFast, TooManyGuesses

KEPT = 4096  # decisions
KEPT_CHARACTERS = 500  # of a head: longer ones are rare
GUESSES = 10  # wrong keys of an address, in a minute
_BEARER = "bearer "


class Head(NamedTuple):
    """What a decision depends on.

    Args:
        method, target: of the request; the target is raw.
        peer: the address of the connection, "" for a unix socket.
        forwarded_for, host, origin, key, authorization: headers, None where there is none.
        has_body: whether something follows the head.
    """

    method: str
    target: str
    peer: str
    forwarded_for: str | None = None
    host: str | None = None
    origin: str | None = None
    key: str | None = None
    authorization: str | None = None
    has_body: bool = False

    def __repr__(self) -> str:
        return f"Head({self.method} {self.target.partition('?')[0]} from {self.peer})"


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who has been let in.

    Args:
        client: its name: of its key, else of its address.
        key_name: of its key, if it has one.
        headers: that the answer is to have.
        is_preflight: a browser asks whether it may ask: there is nothing else to answer.
        era: of the keys by which it was decided.
    """

    client: str
    key_name: str | None
    headers: Headers
    is_preflight: bool
    era: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What is let in.

    Args:
        addresses: that may ask.
        proxies: of ours, that clients come through.
        hosts: names by which we may be called.
        origins: sites whose pages may read answers.
        policy: what is served.
        may_move_assets: whether withdrawals and the like are.
        requests_per_s: of one client, over time; None if there is no limit.
        burst: requests at once.
    """

    addresses: Filter = field(default_factory=Filter)
    proxies: Proxies = field(default_factory=Proxies)
    hosts: Hosts = field(default_factory=lambda: Hosts(takes_all=True))
    origins: Origins = field(default_factory=Origins)
    policy: Policy = Policy.ALL
    may_move_assets: bool = False
    requests_per_s: float | None = None
    burst: int = 1


class Admission:
    """Decides about requests.

    Args:
        rules: what is let in.
        now: returns monotonic seconds.
        is_data: whether a cache answers requests for a path.
    """

    def __init__(
        self, rules: Rules, now: Callable[[], float], is_data: Callable[[str], bool]
    ) -> None:
        self._rules = rules
        self._now = now
        self._is_data = is_data
        self._keys = Keyring()
        self._era = 0
        self._kept: dict[Head, Admitted] = {}
        self._guesses = Pace(GUESSES / 60, GUESSES)
        self._pace = (
            None if rules.requests_per_s is None else Pace(rules.requests_per_s, rules.burst)
        )

    def use(self, keys: Keyring) -> None:
        """Take these keys from now on. What was decided by others does not hold any more."""
        self._keys = keys
        self._era += 1
        self._kept.clear()

    def decide(self, head: Head) -> Admitted:
        """Decide about a request; about one that is equal to another, the same.

        Raises:
            Denied: its address, the name it calls us by, or its key is not for that.
            BadTarget: its target could be read in more than one way.
            NoKey: it has no key that we know.
            TooManyGuesses: nor have many before it, from the same address.
            NotServed: nobody is to ask for that here.
        """
        kept = self._kept.get(head)
        if kept is not None:
            return kept
        admitted = self._decide(head)
        if sum(len(part) for part in head if isinstance(part, str)) <= KEPT_CHARACTERS:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[head] = admitted
        return admitted

    def _decide(self, head: Head) -> Admitted:
        rules = self._rules
        address = rules.proxies.client(head.peer, head.forwarded_for)
        if address is None or not rules.addresses.permits(address):
            raise Denied("address")
        if not rules.hosts.has(head.host):
            raise Denied("host")
        if not is_plain(head.target):
            raise BadTarget("Illegal request target: it can be read in more than one way.")
        is_preflight = bool(rules.origins) and head.method == "OPTIONS" and head.origin is not None
        if is_preflight:  # browsers send it without any key
            said = rules.origins.preflight_headers(head.origin)
            return Admitted(name_of(address), None, said, is_preflight, self._era)
        key = self._key_of(head, name_of(address))
        path, _, query = head.target.partition("?")
        if key is not None and scope_of(head, query, self._is_data(path)) not in key.scopes:
            raise Denied("scope")
        if not serves(rules.policy, head.method, path, may_move_assets=rules.may_move_assets):
            raise NotServed
        name = None if key is None else key.name
        return Admitted(
            name_of(address) if key is None else key.name,
            name,
            rules.origins.answer_headers(head.origin),
            is_preflight,
            self._era,
        )

    def count(self, admitted: Admitted) -> None:
        """Count a request that is let in.

        Raises:
            TooFast: its client has asked too often.
        """
        if self._pace is not None:
            wait_s = self._pace.take(admitted.client, self._now())
            if wait_s > 0:
                raise TooFast(wait_s)

    def admits_again(self, admitted: Admitted, now: float) -> bool:
        """Whether a request may come in that is equal to one that was; then it is counted."""
        if admitted.era != self._era:
            return False
        return self._pace is None or self._pace.take(admitted.client, now) == 0

    def _key_of(self, head: Head, address: str) -> Key | None:
        """Return the key of a request; None if there are none at all."""
        if not len(self._keys):
            return None
        shown = shown_key(head.key, head.authorization)
        key = None if shown is None else self._keys.find(shown)
        if key is not None:  # however many wrong ones a neighbour has shown
            return key
        if shown is not None:
            wait_s = self._guesses.take(address, self._now())
            if wait_s > 0:
                raise TooManyGuesses(wait_s)
        raise NoKey


def _is_signed(query: str) -> bool:
    return "signature" in unquote_plus(query)


def scope_of(head: Head, query: str, is_data: bool) -> Scope:
    """Return what a key has to be for: told by the head alone, so a body counts as signed."""
    if head.method not in READS or head.has_body or _is_signed(query):
        return Scope.SIGNED
    return Scope.DATA if is_data else Scope.PUBLIC


def shown_key(own: str | None, authorization: str | None) -> str | None:
    """Return the key that a client shows: in X-BPX-API-Key, or as a bearer (RFC 6750)."""
    bearer = None
    if authorization is not None and authorization[: len(_BEARER)].lower() == _BEARER:
        bearer = authorization[len(_BEARER) :].strip()
    if own is not None and bearer is not None and own != bearer:
        return ""  # two keys are none
    return own if own is not None else bearer
