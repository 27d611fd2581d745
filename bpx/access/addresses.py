"""Where a client is, by the address of its connection and what proxies of ours say of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
HERE = IPv4Address("127.0.0.1")
_SITE_BITS = 64  # of an IPv6 address: whoever has one has all that begin like it


@lru_cache(maxsize=1_000)
def read_address(text: str) -> Address | None:
    """Return an address, IPv4 if it is one written as IPv6; None if it is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def read_peer(text: str) -> Address | None:
    """Return where a connection comes from: of a unix socket, which has no address, from here."""
    return read_address(text) if text else HERE


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address belongs to one of the networks."""
    return any(address in network for network in networks)


@lru_cache(maxsize=1_000)
def name_of(address: Address) -> str:
    """Return by what name the clients of an address are known; IPv6 ones by their network."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address) >> _SITE_BITS << _SITE_BITS, _SITE_BITS)))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which addresses may ask.

    Args:
        allowed: networks; of none, all are.
        denied: networks that may not, even if they are allowed.
    """

    allowed: Sequence[Network] = ()
    denied: Sequence[Network] = ()

    def permits(self, address: Address) -> bool:
        """Whether an address may ask."""
        if is_in(address, self.denied):
            return False
        return not self.allowed or is_in(address, self.allowed)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Proxies of ours that clients come through.

    Each of them puts the address that it was asked from at the end of X-Forwarded-For, so that the
    last `hops` of these are true, and what stands before is whatever the client has made up.
    (https://werkzeug.palletsprojects.com/middleware/proxy_fix/)

    Args:
        hops: how many there are, one behind the other.
        networks: that the last of them is in; what others say is not heard.
    """

    hops: int = 0
    networks: Sequence[Network] = LOOPBACK

    def client(self, peer: str, forwarded_for: str | None) -> Address | None:
        """Return where a client is; None if nobody can tell.

        Args:
            peer: the address of the connection, "" for a unix socket.
            forwarded_for: X-Forwarded-For, of several all in their order.
        """
        address = read_peer(peer)
        if address is None or not self.hops or not is_in(address, self.networks):
            return address
        said = forwarded_for.split(",") if forwarded_for else []
        if len(said) < self.hops:
            return address  # the proxy's own question, as for our health
        return read_address(_without_port(said[-self.hops].strip()))


def _without_port(text: str) -> str:
    """Leave the address of `10.0.0.1:80` and `[::1]:80`, as some proxies write it."""
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        is_whole = bracket and (not rest or (rest.startswith(":") and rest[1:].isdecimal()))
        return address if is_whole else ""
    host, _, port = text.partition(":")
    return host if text.count(":") == 1 and port.isdecimal() else text
