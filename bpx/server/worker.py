"""The gunicorn worker: a gevent worker that never waits for a client without a bound.

Its module is imported in gunicorn's unpatched master: nothing here imports, at module level,
anything that opens or patches sockets beyond what gunicorn's own worker does.
"""

import os
import sys
from contextlib import nullcontext
from datetime import timedelta
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import wsgi
from gunicorn.workers.ggevent import GeventWorker

from bpx.errors import RequestFailed
from bpx.server.body import receive_body
from bpx.server.connection import ClientGone, Connection, Patience
from bpx.server.ports import ByPort
from bpx.server.refusals import BUG, as_http, refusal_of
from bpx.server.reply import Reply
from bpx.settings import Settings, load

BOOT_ERROR = 3  # gunicorn's: the server stops instead of trying again
_OPERATORS_CONNECTIONS = 100


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves the market's ports, and the operators' port that it binds itself."""

    patience: Patience
    settings: Settings

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._connections: set[Connection] = set()
        self._servers: list[StreamServer] = []
        self._stop = Event()

    def load_wsgi(self) -> None:
        """Load the application; sockets are patched by now."""
        self.settings = load([], os.environ)
        self.patience = Patience(
            read_s=self.settings.read_timeout_s,
            write_s=self.settings.write_timeout_s,
            idle_s=self.settings.idle_timeout_s,
        )
        super().load_wsgi()

    def run(self) -> None:
        """Serve until told to stop, then finish what is under way."""
        for listener in self.sockets:
            self._serve(listener, self.worker_connections)
        if isinstance(self.wsgi, ByPort):
            self._open_ports(self.wsgi)
        while self.alive:
            self.notify()
            self._stop.wait(1.0)
        self._drain()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop (SIGTERM)."""
        super().handle_exit(sig, frame)
        self._stop.set()

    def _serve(self, listener: Any, connections: int) -> None:
        listener.setblocking(1)

        def serve(client: Any, address: Any) -> None:
            self.handle(listener, client, address)

        server = StreamServer(listener, handle=serve, spawn=Pool(connections))
        server.start()
        self._servers.append(server)

    def _open_ports(self, app: ByPort) -> None:
        names = [listener.getsockname() for listener in self.sockets]
        # A path (unix socket) has no port: it is the market's.
        market_ports = [0 if isinstance(name, (str, bytes)) else name[1] for name in names]
        application = str(self.cfg.default_proc_name).rpartition(":")[2]
        operators_port = self.settings.operators_port(application)
        app.listen(market_ports, operators_port)
        if not app.has_operators:
            return
        try:
            self._open_operators_port(operators_port)
        except OSError as error:
            if self.age == 1:
                self.log.error("cannot open the operators' port %s: %s", operators_port, error)
                sys.exit(BOOT_ERROR)
            # After SIGHUP the worker before this one still has it, for a moment.
            gevent.spawn(self._keep_trying_to_open, operators_port)

    def _open_operators_port(self, port: int) -> None:
        host = self.settings.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self._serve(listener, _OPERATORS_CONNECTIONS)
        self.log.info("operators' port: %s:%s", host, port)

    def _keep_trying_to_open(self, port: int) -> None:
        while self.alive:
            try:
                self._open_operators_port(port)
                return
            except OSError as error:
                self.log.debug("operators' port %s: %s", port, error)
                gevent.sleep(0.1)

    def _drain(self) -> None:
        for server in self._servers:
            server.close()
        self.patience.idle_s = 0.0
        for connection in list(self._connections):
            connection.end_if_idle()
        until = monotonic() + self.settings.shutdown_timeout_s
        while self._connections and monotonic() < until:
            self.notify()
            gevent.sleep(0.02)
        if self._connections:
            self.log.warning("stopped with %s requests unfinished", len(self._connections))
        for connection in list(self._connections):
            connection.reset()

    def timeout_ctx(self) -> Any:
        """Return nothing to wait in: the connection bounds its own waits."""
        return nullcontext()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection."""
        connection = Connection(client, self.patience)
        self._connections.add(connection)
        try:
            super().handle(listener, connection, addr)
        finally:
            self._connections.discard(connection)

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> None:
        """Serve a request. Ends the connection by StopIteration, as gunicorn's loop wants it."""
        receive_body(req, sock)
        sock.begin_answer()
        if isinstance(listener_name, (str, bytes)):
            listener_name = ("unix", 0)  # else gunicorn takes the port from Host
        reply, environ = wsgi.create(req, sock, addr, listener_name, self.cfg, response_class=Reply)
        environ["wsgi.multithread"] = True
        environ["bpx.is_gone"] = sock.is_gone
        started = monotonic()
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
        if self.log.access_log_enabled:
            self.log.access(reply, req, environ, timedelta(seconds=monotonic() - started))
        sock.end_answer()
        if reply.should_close():
            raise StopIteration

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
            self.log.debug("refused a request: %s", refusal.message)
        try:
            client.begin_answer()
            client.sendall(as_http(refusal))
        except ClientGone:
            return
        client.linger()
