from collections.abc import Callable
from typing import Any

from bpx.server.ports import LISTENER, ByPort


def named(name: bytes) -> Callable[..., list[bytes]]:
    return lambda environ, start_response: [name]


def asked(app: ByPort, port: str = "0", **environ: Any) -> bytes:
    statuses: list[Any] = []
    body = app({"SERVER_PORT": port, **environ}, lambda *status: statuses.append(status))
    return b"".join(body)


def asked_at(app: ByPort, address: Any) -> bytes:
    return asked(app, **{LISTENER: address})


def test_each_port_has_its_application() -> None:
    app = ByPort([named(b"spot"), named(b"futures")], [8090, 8091], named(b"operators"))
    assert asked(app, "8090") == b"spot"
    assert asked(app, "8091") == b"futures"


def test_where_the_server_listens_replaces_the_ports_of_the_options() -> None:
    app = ByPort([named(b"spot")], [8090], named(b"operators"))
    app.listen([("127.0.0.1", 7000)])
    app.listen_for_operators(("127.0.0.1", 7001))
    assert asked_at(app, ("127.0.0.1", 7000)) == b"spot"
    assert asked_at(app, ("127.0.0.1", 7001)) == b"operators"
    assert b"serves no market" in asked(app, "8090")


def test_a_port_may_be_another_application_s_on_another_host() -> None:
    app = ByPort([named(b"spot"), named(b"futures")], [], named(b"operators"))
    app.listen([("10.0.0.5", 7000), ("10.0.0.6", 7000)])
    app.listen_for_operators(("127.0.0.1", 7000))
    hosts = ("10.0.0.5", "10.0.0.6", "127.0.0.1")
    assert [asked_at(app, (host, 7000)) for host in hosts] == [b"spot", b"futures", b"operators"]


def test_paths_are_told_apart() -> None:
    app = ByPort([named(b"spot"), named(b"futures")], [])
    app.listen(["/run/spot", "/run/futures"])
    assert asked_at(app, "/run/spot") == b"spot"
    assert asked_at(app, "/run/futures") == b"futures"


def test_a_single_market_has_every_address_of_the_market() -> None:
    app = ByPort([named(b"spot")], [])
    app.listen([("127.0.0.1", 7000), "/run/spot"])
    assert asked_at(app, ("127.0.0.1", 7000)) == asked_at(app, "/run/spot") == b"spot"


def test_operators_are_served_only_where_they_have_a_port() -> None:
    app = ByPort([named(b"spot")], [8090])
    app.listen_for_operators(("127.0.0.1", 8092))
    assert b"serves no market" in asked_at(app, ("127.0.0.1", 8092))
