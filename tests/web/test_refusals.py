import logging

import pytest
from flask import Flask, abort
from werkzeug.exceptions import HTTPException

from bpx.errors import (
    BadTarget,
    Banned,
    NotSent,
    OutcomeUnknown,
    ReadFailed,
    ReadTimedOut,
    RequestFailed,
    Throttled,
    TooLarge,
)
from bpx.web.refusals import explain_bug, explaining, refuse

AGAIN = "Internal error; unable to process your request. Please try again."
UNKNOWN = (
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)


def client_of(failure: Exception):
    app = Flask("test", static_folder=None)
    app.register_error_handler(RequestFailed, explaining(lambda: 0.0))
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, explain_bug)

    @app.get("/fails")
    def fails():
        raise failure

    @app.get("/aborts/<int:status>")
    def aborts(status):
        abort(status)

    return app.test_client()


@pytest.mark.parametrize(
    ("failure", "status", "code", "message", "retry_after"),
    [
        (Throttled("Too much.", 0.2), 429, -1003, "Too much.", "1"),
        (Throttled("Too much.", 12.1), 429, -1003, "Too much.", "13"),
        (Banned("IP banned until 17.", 90.0), 418, -1003, "IP banned until 17.", "90"),
        (NotSent("refused"), 503, -1001, AGAIN, "1"),
        (OutcomeUnknown("cut"), 504, -1007, UNKNOWN, None),
        (ReadFailed("half a body"), 502, -1001, AGAIN, None),
        (ReadTimedOut("12 s"), 504, -1007, UNKNOWN, None),
        (TooLarge(), 413, -1100, "Request body is over 65536 bytes.", None),
        (BadTarget("A path is expected."), 400, -1100, "A path is expected.", None),
    ],
)
def test_a_failed_request_is_told_in_binances_shape(failure, status, code, message, retry_after):
    reply = client_of(failure).get("/fails")
    assert reply.status_code == status
    assert reply.json == {"code": code, "msg": message}
    assert reply.headers.get("Retry-After") == retry_after
    assert reply.headers["Data-Source"] == "proxy"
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"


def test_what_the_client_does_not_learn_is_for_the_operators_log(caplog):
    reply = client_of(NotSent("connection refused by 10.0.0.7")).get("/fails?signature=abc")
    assert "10.0.0.7" not in reply.text
    assert "connection refused by 10.0.0.7" in caplog.text
    assert "signature" not in caplog.text


def test_a_bug_of_ours_is_logged_whole_and_told_in_a_sentence(caplog):
    with caplog.at_level(logging.ERROR):
        reply = client_of(ZeroDivisionError("secret detail")).get("/fails?key=1")
    assert (reply.status_code, reply.json) == (500, {"code": -1000, "msg": AGAIN})
    assert "ZeroDivisionError: secret detail" in caplog.text
    assert "key=1" not in caplog.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere", 404, -1020), ("/aborts/413", 413, -1100), ("/aborts/400", 400, -1020)],
)
def test_what_the_framework_refuses_is_json_too(path, status, code):
    reply = client_of(ValueError()).get(path)
    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert reply.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert (reply.headers.get("Connection") == "close") is (status == 413)
