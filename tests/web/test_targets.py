"""Which requests reach the blueprints."""

import pytest
from flask import Flask

from bpx.web.targets import METHODS, Anything, Gate


@pytest.fixture
def client():
    app = Flask("test", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = Anything
    app.wsgi_app = Gate(app.wsgi_app)
    app.add_url_rule(
        "/<anything:rest>",
        "rest",
        lambda rest: {"rest": rest},
        methods=METHODS,
        provide_automatic_options=False,
    )
    return app.test_client()


@pytest.mark.parametrize("path", ["api/v3/x", "a//b", "line\nbreak", "a/../b", "x/"])
def test_any_path_is_somebodys(client, path):
    assert client.get(f"/{path.replace(chr(10), '%0a')}").json == {"rest": path}


def test_an_offer_to_speak_another_protocol_is_not_taken(client):
    reply = client.get("/x", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    assert reply.json == {"rest": "x"}


@pytest.mark.parametrize("method", ["PROPFIND", "TRACE", "FOO"])
def test_a_method_that_nobody_knows_is_refused_before_it_is_counted(client, method):
    reply = client.open("/x", method=method)
    assert (reply.status_code, reply.json["code"]) == (405, -1020)
    assert reply.headers["Data-Source"] == "proxy"


@pytest.mark.parametrize("target", ["http://other/x", "HTTP://other:80", "*", "other:443"])
def test_a_target_that_is_no_path_is_refused_and_nothing_after_it_is_read(client, target):
    reply = client.get("/x", environ_overrides={"RAW_URI": target})
    assert (reply.status_code, reply.json["code"]) == (400, -1100)
    assert reply.headers["Connection"] == "close"
