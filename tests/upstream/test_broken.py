import socket
import ssl

import pytest
import requests
from urllib3.exceptions import MaxRetryError, ProtocolError, SSLError

from bpx.errors import NotSent, OutcomeUnknown, ReadFailed, ReadTimedOut, Redirected, Untrusted
from bpx.runtime import DeadlinePassed
from bpx.upstream.broken import Broken, Crowded, Elsewhere, failure_of, is_ours
from bpx.upstream.call import Kind
from bpx.upstream.connection import Attempt
from bpx.upstream.raw import is_untrusted

ORIGIN = "https://api.binance.com"


def failure(error: Exception, kind: Kind = Kind.PUBLIC, was_sent: bool = True):
    return failure_of(kind, Attempt("/x?signature=s", was_sent), error, ORIGIN)


def refused() -> Exception:
    """What requests says of it."""
    try:
        requests.get("http://127.0.0.1:1/x?signature=s", timeout=1)
    except requests.RequestException as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "kind", "was_sent", "expected"),
    [
        (refused(), Kind.PUBLIC, False, NotSent),
        (refused(), Kind.ORDER, False, NotSent),
        (ssl.SSLError(1, "unsupported protocol"), Kind.ORDER, False, Untrusted),
        (ssl.SSLError(1, "bad record"), Kind.ORDER, True, OutcomeUnknown),
        (ConnectionResetError(104, "reset"), Kind.PUBLIC, True, ReadFailed),
        (ConnectionResetError(104, "reset"), Kind.SIGNED, True, OutcomeUnknown),
        (DeadlinePassed("12 s"), Kind.PUBLIC, True, ReadTimedOut),
        (requests.ReadTimeout(), Kind.PUBLIC, True, ReadTimedOut),
        (DeadlinePassed("13 s"), Kind.CANCEL, True, OutcomeUnknown),
        (DeadlinePassed("3 s"), Kind.PUBLIC, False, NotSent),
        (Elsewhere("reply with status 302"), Kind.ORDER, True, Redirected),
    ],
)
def test_a_fault_is_what_may_have_happened_at_binance(error, kind, was_sent, expected):
    assert type(failure(error, kind, was_sent)) is expected


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused(), "connection refused"),
        (
            requests.ConnectionError(ProtocolError("aborted", ConnectionResetError(104, "reset"))),
            "ConnectionResetError: [Errno 104] reset",
        ),
        (DeadlinePassed("not done within 11.9998 s"), "no connection in time"),
        (requests.ConnectTimeout(), "no connection in time"),
        (socket.gaierror(-2, "Name or service not known"), "cannot resolve api.binance.com"),
    ],
)
def test_the_log_is_told_the_host_and_the_cause_in_few_words(error, reason):
    assert failure(error, was_sent=False).reason == f"{ORIGIN}: {reason}"


def test_the_log_is_told_whether_a_connection_or_an_answer_was_late():
    for error in (DeadlinePassed("not done within 11.9998 s"), requests.ReadTimeout()):
        assert failure(error, was_sent=True).reason == f"{ORIGIN}: no answer in time"


def test_an_attempt_that_sent_nothing_has_not_connected_unless_our_own_bounds_ended_it():
    unsent, sent = Attempt("/x"), Attempt("/x", was_sent=True)
    assert not Broken(NotSent("x"), unsent).has_connected
    assert Broken(NotSent("x"), unsent, is_hosts=False).has_connected
    assert Broken(ReadFailed("x"), sent).has_connected


def test_what_tls_finds_wanting_is_not_what_breaks_off():
    expired = ssl.SSLCertVerificationError(1, "certificate verify failed: expired")
    wrapped = requests.exceptions.SSLError(MaxRetryError(None, "/", SSLError(expired)))
    assert is_untrusted(wrapped)
    assert is_untrusted(ssl.SSLError(1, "unsupported protocol"))
    assert not is_untrusted(requests.exceptions.SSLError(ssl.SSLEOFError(8, "EOF")))
    assert not is_untrusted(ConnectionResetError(104, "reset"))


@pytest.mark.parametrize(
    ("error", "was_sent", "expected"),
    [
        (ValueError("a header that http.client does not write"), False, True),
        (ValueError("a reply that cannot be passed on"), True, False),
        (Crowded("too many large replies"), True, True),
        (refused(), False, False),
        (ssl.SSLCertVerificationError(1, "self-signed"), False, False),
        (DeadlinePassed("3 s"), False, False),
    ],
)
def test_what_is_our_own_doing_says_nothing_about_a_host(error, was_sent, expected):
    assert is_ours(Attempt("/x", was_sent), error) is expected
