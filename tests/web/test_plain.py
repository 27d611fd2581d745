import pytest
from flask import request

from bpx.web.plain import PlainFlask, Whole


@pytest.fixture
def app() -> PlainFlask:
    app = PlainFlask("plain", static_folder=None)

    @app.route("/of/<name>", methods=["GET", "POST"])
    def of(name: str) -> Whole:
        return Whole([f"{request.method} {name}".encode()], 203, [("X-A", "1"), ("X-A", "2")])

    return app


def test_a_route_is_found_whatever_host_is_asked_for(app: PlainFlask):
    for host in ("one.example", "[::1]:8090", "10.0.0.1", "none at all"):
        answer = app.test_client().post("/of/x", headers={"Host": host})
        assert (answer.status_code, answer.data) == (203, b"POST x")
    assert app.test_client().get("/none").status_code == 404
    assert app.test_client().delete("/of/x").status_code == 405


def test_outside_of_a_request_there_are_no_routes(app: PlainFlask):
    with app.app_context() as context:
        assert context.url_adapter is None


def test_an_answer_has_the_headers_that_it_was_given_and_no_others(app: PlainFlask):
    assert list(app.test_client().get("/of/x").headers) == [("X-A", "1"), ("X-A", "2")]


def test_an_answer_to_head_has_no_body(app: PlainFlask):
    assert app.test_client().head("/of/x").data == b""
