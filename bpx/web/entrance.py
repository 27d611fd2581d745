"""The door of a market: every request is admitted, or refused, before anything is done for it."""

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any

from flask import Flask, Response, request

from bpx import metrics
from bpx.access.admission import Admission, Admitted, Head
from bpx.access.pace import Pace
from bpx.errors import RequestFailed
from bpx.logs.audit import audit, is_audited
from bpx.upstream.call import Kind, kind_of
from bpx.web.repeat import Ticket

CLIENT = "bpx.client"  # in a request's environment: whose it is
KIND = "bpx.kind"  # and what it is for, once its body has been read
_ADMITTED = "bpx.admitted"
_NOTED_PER_S, _NOTED_AT_ONCE = 0.2, 20  # refusals of one client and sort, in the audit log
_KEY_DIGITS = 8  # of a fingerprint: enough to tell keys apart, and to learn nothing of them


class Entrance:
    """Admits requests to one market.

    Args:
        market: its name.
        admission: decides.
        now: returns monotonic seconds.
    """

    def __init__(self, market: str, admission: Admission, now: Callable[[], float]) -> None:
        self._market = market
        self._admission = admission
        self._now = now
        self._noted = Pace(_NOTED_PER_S, _NOTED_AT_ONCE)

    def over(self, app: Flask) -> None:
        """Stand in front of an application."""
        app.before_request(self.admit)
        app.after_request(self.see_off)

    def admit(self) -> Response | None:
        """Let the request that is under way in, or answer it here.

        Raises:
            RequestFailed: it may not come in.
        """
        environ = request.environ
        try:
            admitted = self._admission.decide(head_of(environ))
            self._admission.count(admitted)
        except RequestFailed as refusal:
            self._note(refusal, environ)
            raise
        environ[CLIENT] = admitted.client
        environ[_ADMITTED] = admitted
        if admitted.is_preflight:
            return Response(status=204, headers=[("Data-Source", "proxy")])
        return None

    def ticket(self, environ: Mapping[str, Any]) -> Ticket:
        """Return by what a request came in that has been answered."""
        admitted: Admitted = environ[_ADMITTED]
        return Ticket(partial(self._admission.admits_again, admitted), tuple(admitted.headers))

    def see_off(self, response: Response) -> Response:
        """Say what a browser has to know, and note a signed call."""
        environ = request.environ
        admitted: Admitted | None = environ.get(_ADMITTED)
        if admitted is not None:
            for name, value in admitted.headers:
                response.headers.add(name, value)
            if is_audited() and not admitted.is_preflight:
                self._audit(admitted, environ, response)
        return response

    def _audit(self, admitted: Admitted, environ: Mapping[str, Any], response: Response) -> None:
        method, (path, _, query) = environ["REQUEST_METHOD"], environ["RAW_URI"].partition("?")
        if environ.get(KIND, kind_of(method, query, b"")) is Kind.PUBLIC:
            return
        audit(
            "signed call",
            market=self._market,
            client=admitted.client,
            key=_fingerprint(environ.get("HTTP_X_MBX_APIKEY")),
            method=method,
            path=path,
            status=response.status_code,
            outcome=_outcome(response),
        )

    def _note(self, refusal: RequestFailed, environ: Mapping[str, Any]) -> None:
        why = refusal.proxy_error or "target"
        metrics.REFUSED.labels(self._market, why).inc()
        peer = environ.get("REMOTE_ADDR") or "unix socket"
        if self._noted.take(f"{peer} {why}", self._now()) == 0:
            audit(
                "refused",
                market=self._market,
                peer=peer,
                why=why,
                method=environ["REQUEST_METHOD"],
                path=environ["RAW_URI"].partition("?")[0],
                status=refusal.status,
            )


def head_of(environ: Mapping[str, Any]) -> Head:
    """Return what there is to decide about a request."""
    told = environ.get
    return Head(
        environ["REQUEST_METHOD"],
        environ["RAW_URI"],
        told("REMOTE_ADDR") or "",
        told("HTTP_X_FORWARDED_FOR"),
        told("HTTP_HOST"),
        told("HTTP_ORIGIN"),
        told("HTTP_X_BPX_API_KEY"),
        told("HTTP_AUTHORIZATION"),
        has_body(environ),
    )


def has_body(environ: Mapping[str, Any]) -> bool:
    """Whether a request has come with a body, be it empty."""
    return environ.get("CONTENT_LENGTH", "") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ


def _fingerprint(key: str | None) -> str | None:
    return None if key is None else sha256(key.encode()).hexdigest()[:_KEY_DIGITS]


def _outcome(response: Response) -> str:
    """Tell whether Binance has had a call: `sent-ok` says that it answered, whatever it said."""
    if response.headers.get("Data-Source") == "upstream":
        return "sent-ok"
    was_not_sent = response.headers.get("X-Proxy-Error") == "not-sent"
    return "not-sent" if was_not_sent or response.status_code < 500 else "sent-unknown"
