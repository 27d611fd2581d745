"""Who may see which of the operators' pages.

What a load balancer or a Prometheus asks for is for everybody who reaches the port; the rest tells
of clients and options, or changes something: it is for the machine itself and for the networks that
are named.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from flask import Flask, request
from werkzeug.exceptions import Forbidden, UnsupportedMediaType

Network = IPv4Network | IPv6Network

FOR_ALL = frozenset({"/metrics", "/live", "/ready", "/health"})
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SAFE = ("GET", "HEAD", "OPTIONS")


class Access:
    """Refuses whoever may not see a page.

    Args:
        networks: that may see all of them, besides the machine itself.
    """

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = (*LOOPBACK, *networks)

    def over(self, app: Flask) -> None:
        """Guard all pages of an application."""
        app.before_request(self.check)

    def check(self) -> None:
        """Look at the request that is under way.

        Raises:
            Forbidden: its client may not see the page.
            UnsupportedMediaType: it changes something and is not JSON. A form of another site,
                which the browser of an operator sends, cannot be.
        """
        if request.path in FOR_ALL and request.method in SAFE:
            return
        if not self.allows(request.remote_addr or ""):
            raise Forbidden
        changes = request.routing_exception is None and request.method not in SAFE
        if changes and not request.is_json:
            raise UnsupportedMediaType

    def allows(self, address: str) -> bool:
        """Whether a client of that address may see all pages."""
        try:
            client = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
            client = client.ipv4_mapped
        return any(client in network for network in self._networks)
