"""Who is on another network sees the operators' pages only if the option names it."""

import fcntl
import socket
import struct

import pytest
import requests

from tests.proxy import running_proxy

SIOCGIFADDR = 0x8915
NOWHERE = {
    "BPX_UPSTREAM_SPOT_REST": "http://127.0.0.1:9",
    "BPX_UPSTREAM_SPOT_WS": "ws://127.0.0.1:9",
    "BPX_SERVER_HOST": "0.0.0.0",
}


def own_address() -> str | None:
    """Return an address of this machine that is not its loopback: it is a client's, too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            try:
                found = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)[20:24]
            except OSError:
                continue
            if not (address := socket.inet_ntoa(found)).startswith("127."):
                return address
    return None


@pytest.mark.parametrize(
    ("networks", "status"), [("", 403), ("10.99.0.0/16", 403), ("10.99.0.0/16,{}/32", 200)]
)
def test_other_machines_see_the_pages_if_their_network_is_named(networks: str, status: int) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but its loopback")
    options = NOWHERE | {"BPX_OPERATOR_NETWORKS": networks.format(address)}
    with running_proxy("spot", options) as proxy:
        port = proxy.operators_url.rpartition(":")[2]
        for page in ("/", "/status", "/logs"):
            reply = requests.get(f"http://{address}:{port}{page}", timeout=20)
            assert (page, reply.status_code) == (page, status)
            assert requests.get(f"http://127.0.0.1:{port}{page}", timeout=20).status_code == 200
        assert requests.get(f"http://{address}:{port}/live", timeout=20).status_code == 200
