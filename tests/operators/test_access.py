from ipaddress import ip_network

import pytest
from flask import Flask

from bpx.operators.access import Access, Doors

OFFICE = ip_network("10.1.0.0/16")


def asked(path, address, method="GET", **more):
    app = Flask("test")
    Access(Doors((OFFICE,)), lambda: 0.0).over(app)
    for page in ("/metrics", "/live", "/ready", "/health", "/status"):
        app.add_url_rule(page, page, lambda: "here", methods=["GET", "POST"])
    answer = app.test_client().open(
        path, method=method, environ_base={"REMOTE_ADDR": address}, **more
    )
    return answer.status_code


@pytest.mark.parametrize("page", ["/metrics", "/live", "/ready", "/health"])
def test_what_a_load_balancer_asks_for_is_for_everybody(page):
    assert asked(page, "203.0.113.9") == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.8.8", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("10.2.0.1", 403),
        ("203.0.113.9", 403),
        ("fe80::1%eth0", 403),
        ("nonsense", 403),
    ],
)
def test_the_rest_is_for_the_machine_itself_and_for_networks_that_are_named(address, status):
    assert asked("/status", address) == status


def test_what_others_are_told_does_not_depend_on_whether_there_is_such_a_page():
    assert asked("/nothing", "203.0.113.9") == 403


@pytest.mark.parametrize("more", [{}, {"data": {"level": "debug"}}, {"data": "{}"}])
def test_what_a_form_of_another_site_can_send_changes_nothing(more):
    assert asked("/status", "127.0.0.1", "POST", **more) == 415
    assert asked("/status", "127.0.0.1", "POST", json={}) == 200


def test_what_is_for_everybody_to_see_is_not_for_everybody_to_change():
    assert asked("/health", "203.0.113.9", "POST", json={}) == 403
