from collections.abc import Callable
from typing import Any

from bpx.server.ports import ByPort


def named(name: bytes) -> Callable[..., list[bytes]]:
    return lambda environ, start_response: [name]


def asked(app: ByPort, port: str) -> bytes:
    statuses: list[Any] = []
    body = app({"SERVER_PORT": port}, lambda *status: statuses.append(status))
    return b"".join(body)


def test_each_port_has_its_application() -> None:
    app = ByPort([named(b"spot"), named(b"futures")], [8090, 8091], named(b"operators"))
    assert asked(app, "8090") == b"spot"
    assert asked(app, "8091") == b"futures"


def test_the_ports_that_are_listened_on_replace_those_of_the_options() -> None:
    app = ByPort([named(b"spot")], [8090], named(b"operators"))
    app.listen([7000], 7001)
    assert asked(app, "7000") == b"spot"
    assert asked(app, "7001") == b"operators"
    assert b"serves no market" in asked(app, "8090")


def test_a_single_market_has_every_port_of_the_market() -> None:
    app = ByPort([named(b"spot")], [])
    app.listen([7000, 0])
    assert asked(app, "7000") == asked(app, "0") == b"spot"


def test_operators_are_served_only_where_they_have_a_port() -> None:
    app = ByPort([named(b"spot")], [8090])
    app.listen([8090], 8092)
    assert b"serves no market" in asked(app, "8092")
