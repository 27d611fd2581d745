import json
from collections.abc import Callable

import pytest

from bpx.errors import Occupied
from bpx.operators.app import create_operators_app
from bpx.operators.profiles import profiles_blueprint
from bpx.profiles.profile import Frame, Profile
from tests.profiles.decoding import decode
from tests.runtime import ThreadRuntime

FRAME = Frame("app.apply", "/srv/app.py", 17, 12)


class FakeProfiling:
    """Says what was asked of it."""

    def __init__(self) -> None:
        self.is_occupied = False

    def busy(self, seconds: float, is_gone: Callable[[], bool]) -> Profile:
        return self._profile("busy", seconds)

    def waiting(self) -> Profile:
        return self._profile("waiting", 0)

    def heap(self, seconds: float, is_gone: Callable[[], bool]) -> Profile:
        return self._profile("heap", seconds)

    def _profile(self, what: str, seconds: float) -> Profile:
        if self.is_occupied:
            raise Occupied(11.5)
        samples = {((FRAME,), ()): (1,)}
        return Profile(((what, "count"),), samples, 1, remarks=(f"{seconds:g} s",))


@pytest.fixture
def profiling() -> FakeProfiling:
    return FakeProfiling()


@pytest.fixture
def client(profiling):
    pages = [profiles_blueprint(profiling, ThreadRuntime())]
    return create_operators_app(pages=pages).test_client()


def test_the_index_names_every_profile(client) -> None:
    reply = client.get("/debug/pprof/")
    assert reply.status_code == 200
    assert reply.content_type == "text/html; charset=utf-8"
    for name in ("profile", "heap", "goroutine"):
        assert f'href="{name}' in reply.text


@pytest.mark.parametrize(
    ("target", "kind", "seconds"),
    [
        ("profile", "busy", "30 s"),
        ("profile?seconds=300", "busy", "300 s"),
        ("heap", "heap", "0 s"),
        ("heap?seconds=5", "heap", "5 s"),
        ("goroutine", "waiting", "0 s"),
    ],
)
def test_each_profile_is_a_file_for_pprof(client, target, kind, seconds) -> None:
    reply = client.get(f"/debug/pprof/{target}")
    assert reply.content_type == "application/octet-stream"
    name = target.partition("?")[0]
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{name}.pb.gz"'
    decoded = decode(reply.data)
    assert (decoded.kinds, decoded.remarks) == ([(kind, "count")], [seconds])
    assert decoded.samples[0].stack == (FRAME,)


@pytest.mark.parametrize("name", ["profile?seconds=1", "heap?", "goroutine?"])
def test_each_profile_can_be_read_as_text(client, name) -> None:
    reply = client.get(f"/debug/pprof/{name}&debug=1")
    assert reply.content_type == "text/plain; charset=utf-8"
    assert "app.apply /srv/app.py:17" in reply.text


@pytest.mark.parametrize("text", ["0", "301", "-1", "1.5", "x", "", "%31%D9%A1"])
def test_other_seconds_are_refused(client, text) -> None:
    reply = client.get(f"/debug/pprof/profile?seconds={text}")
    assert (reply.status_code, reply.json["code"]) == (400, -1000)
    assert "seconds accepts a whole number from 1 to 300" in reply.json["msg"]


@pytest.mark.parametrize("name", ["profile", "heap"])
def test_two_at_once_are_refused_with_a_time(client, profiling, name) -> None:
    profiling.is_occupied = True
    reply = client.get(f"/debug/pprof/{name}")
    assert (reply.status_code, reply.headers["Retry-After"]) == (409, "12")
    assert "try again in 12 s" in json.loads(reply.data)["msg"]


def test_without_the_page_there_is_nothing() -> None:
    client = create_operators_app().test_client()
    assert client.get("/debug/pprof/").status_code == 404
    assert client.get("/debug/pprof/profile").status_code == 404
