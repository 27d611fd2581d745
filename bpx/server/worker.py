"""The gunicorn worker: a gevent worker that never waits for a client without a bound.

Its module is imported in gunicorn's unpatched master: nothing here imports, at module level,
anything that opens or patches sockets beyond what gunicorn's own worker does.
"""

import logging
from contextlib import nullcontext
from datetime import timedelta
from time import monotonic
from typing import Any

import gevent
from gunicorn.http import wsgi

from bpx.errors import RequestFailed
from bpx.server.body import receive_body
from bpx.server.connection import Connection
from bpx.server.ending import ClientGone
from bpx.server.lane import Known, Repeat, is_one_request
from bpx.server.lifetime import Lifetime
from bpx.server.ports import LISTENER
from bpx.server.refusals import BUG, as_http, refusal_of
from bpx.server.reply import Reply

log = logging.getLogger(__name__)


class Worker(Lifetime):
    """Serves clients, and waits for none of them without a bound."""

    def timeout_ctx(self) -> Any:
        """Return nothing to wait in: the connection bounds its own waits."""
        return nullcontext()

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> None:
        """Serve a request. Ends the connection by StopIteration, as gunicorn's loop wants it."""
        receive_body(req, sock)
        sock.begin_answer()
        # Of a path gunicorn would take the port from Host.
        server = ("unix", 0) if isinstance(listener_name, (str, bytes)) else listener_name
        reply, environ = wsgi.create(req, sock, addr, server, self.cfg, response_class=Reply)
        environ[LISTENER] = listener_name
        environ["wsgi.multithread"] = True
        environ["bpx.is_gone"] = sock.is_gone
        repeats: list[Repeat] = []
        if sock.place is not None and is_one_request(sock.head, req):
            environ["bpx.remember"] = repeats.append
        started = monotonic()
        self._serve(environ, reply, sock)
        if self.log.access_log_enabled:
            self.log.access(reply, req, environ, timedelta(seconds=monotonic() - started))
        left = req.unreader.buf.getvalue()
        sock.end_answer(left)
        if repeats and not left:
            self._learn(sock, reply, repeats[-1])
        gevent.sleep(0)  # the others' turn, even if this client's next request is there already
        if reply.should_close():
            raise StopIteration

    def _serve(self, environ: dict[str, Any], reply: Reply, sock: Connection) -> None:
        try:
            self._answer(environ, reply)
        except ClientGone:
            raise StopIteration from None
        except Exception:
            if not reply.has_begun:
                raise
            self.log.exception("an answer broke off")
            sock.reset()
            raise StopIteration from None

    def _learn(self, sock: Connection, reply: Reply, repeat: Repeat) -> None:
        """Have the next request with the same head answered without us, if that is as good."""
        is_usual = self.alive and reply.status == "200 OK" and not reply.chunked
        if self.lane is not None and sock.place is not None and sock.head and is_usual:
            self.lane.learn(sock.place, sock.head, Known(repeat, reply.should_close()))

    def _answer(self, environ: dict[str, Any], reply: Reply) -> None:
        chunks = self.wsgi(environ, reply.start_response)
        if not self.alive:  # told to stop, maybe only since the request came
            reply.force_close()
        try:
            for chunk in chunks:
                reply.write(chunk)
            reply.close()
        finally:
            if hasattr(chunks, "close"):
                chunks.close()

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:
        """Answer a request that no application has answered."""
        if isinstance(exc, gevent.GreenletExit):
            return
        refusal = refusal_of(exc)
        if refusal is BUG:
            self.log.error("a request failed by a bug", exc_info=exc)
        elif not isinstance(exc, RequestFailed):
            log.debug("refused a request: %s", refusal.message)
        try:
            client.begin_answer()
            client.sendall(as_http(refusal))
        except ClientGone:
            return
        client.linger()
