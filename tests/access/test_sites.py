"""G10: what browsers may do here."""

import pytest

from bpx.access.sites import Hosts, Origins

HERE = "https://example.org"


@pytest.mark.parametrize("origin", [None, "null", HERE, "*"])
def test_g10_by_default_no_page_may_read_anything(origin):
    assert Origins().answer_headers(origin) == ()
    assert Origins().preflight_headers(origin) == ()


def test_g10_a_listed_site_is_named_and_never_all_of_them_nor_its_cookies():
    headers = dict(Origins([HERE]).preflight_headers(HERE))
    assert headers["Access-Control-Allow-Origin"] == HERE
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in headers
    assert "X-MBX-APIKEY" in headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin",
    [
        None, "null", "", "*", "http://example.org", "https://example.org:8443",
        "https://example.org.evil", "https://evilexample.org", "https://a.example.org",
        "https://exampleXorg", "HTTPS://EXAMPLE.ORG", "https://example.org/", "https://example.org.",
        f"{HERE}, https://evil", f" {HERE}",
    ],
)  # fmt: skip
def test_g10_no_other_origin_is_taken_for_one_that_is_listed(origin):
    said = dict(Origins([HERE]).preflight_headers(origin))
    assert said == {"Vary": "Origin"}


@pytest.mark.parametrize(
    ("host", "has"),
    [
        (None, True), ("127.0.0.1:8090", True), ("127.0.0.1", True), ("[::1]:8090", True),
        ("localhost", True), ("LOCALHOST:8090", True), ("bpx.internal", True),
        ("BPX.internal:8090", True), ("203.0.113.9:8090", True),
        ("evil.example", False), ("bpx.internal.evil", False), ("xbpx.internal", False),
        ("localhost.evil", False), ("", False), ("bpx.internal@evil", False), ("a b", False),
        ("bpx.internal:x", False), ("bpx.internal/x", False), ("[::1", False),
        ("evil,bpx.internal", False),
        ("127.0.0.1.nip.io", False),
    ],
)  # fmt: skip
def test_g10_a_page_that_has_made_its_name_ours_is_not_let_in(host, has):
    assert Hosts(["bpx.internal"]).has(host) is has
    assert Hosts(takes_all=True).has(host)
