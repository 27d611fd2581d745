"""A worker from its start to its end: its ports, its signals, and how it stops.

Its module is imported in gunicorn's unpatched master: nothing here imports, at module level,
anything that opens or patches sockets beyond what gunicorn's own worker does.
"""

import logging
import os
import signal
import sys
from contextlib import suppress
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.monkey import get_original
from gunicorn.workers.ggevent import GeventWorker

from bpx.logs import configure
from bpx.logs.audit import configure_audit
from bpx.server.configuration import logging_of
from bpx.server.connection import Patience
from bpx.server.lane import READ_BYTES, Lane
from bpx.server.listening import Listening
from bpx.server.ports import ByPort
from bpx.server.shared import NOTIFYING, SUCCESSION
from bpx.server.tls import wrapping
from bpx.settings import Settings, load

BOOT_ERROR = 3  # gunicorn's: the server stops instead of trying again
_TICK_S = 1.0  # how often the master is told that we live, and looked after
_SUCCESSOR_S = 10.0  # longest wait for the worker that comes after a reload
_PREDECESSOR_S = 3.0  # in which the worker before a reload gives up the operators' port
_TRY_AGAIN_S = 0.02  # to open it meanwhile; then once a tick
_ORPHAN_S = 3.0  # to finish what is under way when the master was killed
_CLOSE_S = 3.0  # to say good-bye to the exchange
_SHORT_CLOSE_S = 0.5  # the same, without a master
_FAREWELL_S = 0.5  # for a client that asks often to be told that its connection ends
_FAREWELL_SHARE = 0.05  # of the shutdown timeout, at most


class Lifetime(GeventWorker):  # type: ignore[misc]
    """A gevent worker that opens the operators' port itself, and drains before it ends."""

    patience: Patience
    settings: Settings
    listening: Listening

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.lane: Lane | None = None
        self._stop = Event()
        self._orphan_until: float | None = None  # when it has to end, without a master

    def load_wsgi(self) -> None:
        """Load the application; sockets are patched by now."""
        self.settings = load([], os.environ)
        self._log_without_waiting()
        self.patience = Patience(
            read_s=self.settings.read_timeout_s,
            write_s=self.settings.write_timeout_s,
            idle_s=self.settings.idle_timeout_s,
        )
        super().load_wsgi()

    def _log_without_waiting(self) -> None:
        """Have a thread of this process write the log, as one of the master's has done before."""
        start_thread = get_original("_thread", "start_new_thread")
        wanted = logging_of(self.settings)
        with suppress(OSError):  # then lines are written as after any fork, if at all
            configure(wanted, start_thread)
            configure_audit(self.settings.audit_file, wanted.retention, start_thread)

    def run(self) -> None:
        """Serve until told to stop, then finish what is under way."""
        buffer_bytes = self.settings.copy_buffer_size
        if self.settings.fast_lane_enabled and not self._is_unusual():
            self.lane = Lane(min(buffer_bytes, READ_BYTES))
        self.listening = Listening(
            self.handle, self.patience, buffer_bytes, wrapping(self.settings), self.lane
        )
        self.listening.open_markets(self.sockets, self.worker_connections)
        if isinstance(self.wsgi, ByPort):
            self._open_ports(self.wsgi)
        SUCCESSION.arrive(self.age)
        NOTIFYING.ready(main_pid=self.ppid)
        while self.alive:
            self.notify()
            self._stop.wait(_TICK_S)
        self._await_successor()
        self._drain()

    def notify(self) -> None:
        """Tell the master, and whoever started it, that we live; without a master, stop soon."""
        self.tmp.notify()
        NOTIFYING.alive(monotonic())
        if self._orphan_until is None and os.getppid() != self.ppid:
            self.log.error("the master has gone: stopping")
            self._orphan_until = monotonic() + _ORPHAN_S
            self.handle_exit(signal.SIGTERM, None)

    def _is_over(self, until: float) -> bool:
        return monotonic() >= min(until, self._orphan_until or until)

    def init_signals(self) -> None:
        """Take the master's orders, and nobody else's: Ctrl-C reaches the master as well."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _is_unusual(self) -> bool:
        """Whether gunicorn is to do for each request what only it can."""
        return bool(self.log.access_log_enabled or self.cfg.proxy_protocol not in (False, "off"))

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop (SIGTERM); once more changes nothing."""
        super().handle_exit(sig, frame)
        if self.lane is not None:
            self.lane.is_open = False  # answers say from now on that the connection ends
        self._stop.set()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop at once (SIGQUIT)."""
        gevent.spawn(self._quit)  # a signal may not wait, as a log may have to

    def handle_abort(self, sig: int, frame: Any) -> None:
        """End, as the event loop is stuck (the master's SIGABRT), and tell where."""
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "nowhere"
        os.write(2, f"bpx: the worker was stuck in {where}\n".encode())
        os._exit(1)

    def _quit(self) -> None:
        self.log.warning("stopped at once, %s requests unfinished", self.listening.served)
        logging.shutdown()  # which waits for the lines
        os._exit(0)

    def _open_ports(self, app: ByPort) -> None:
        app.listen([listener.getsockname() for listener in self.sockets])
        app.clients = lambda: len(self.listening.clients())
        app.heads = lambda: 0 if self.lane is None else len(self.lane)
        if app.has_operators:
            self._open_operators(app)

    def _open_operators(self, app: ByPort) -> None:
        try:
            self._listen_for_operators(app)
        except OSError as error:
            if self.age == 1 and "GUNICORN_PID" not in os.environ:
                self._tell_why_closed(error)
                sys.exit(BOOT_ERROR)
            # After SIGHUP or SIGUSR2 the worker before this one still has it, for a moment.
            gevent.spawn(self._await_operators_port, app)

    def _await_operators_port(self, app: ByPort) -> None:
        until, is_open, is_told = monotonic() + _PREDECESSOR_S, False, False
        while self.alive and not is_open:
            gevent.sleep(_TICK_S if is_told else _TRY_AGAIN_S)
            try:
                self._listen_for_operators(app)
                is_open = True
            except OSError as error:
                if monotonic() >= until and not is_told:
                    self._tell_why_closed(error)
                    is_told = True

    def _listen_for_operators(self, app: ByPort) -> None:
        host, port = self._operators_address()
        app.listen_for_operators(self.listening.open_operators(host, port))
        self.log.info("operators' port: %s:%s", host, port)

    def _tell_why_closed(self, error: OSError) -> None:
        _, port = self._operators_address()
        self.log.error("cannot open the operators' port %s: %s", port, error)

    def _operators_address(self) -> tuple[str, int]:
        application = str(self.cfg.default_proc_name).rpartition(":")[2]
        return self.settings.host, self.settings.operators_port(application)

    def _await_successor(self) -> None:
        """Serve on while the worker that is to follow us starts."""
        until = monotonic() + _SUCCESSOR_S
        while SUCCESSION.awaits_successor(self.age) and not self._is_over(until):
            self.notify()
            gevent.sleep(0.02)

    def _drain(self) -> None:
        began = monotonic()
        within_s = self.settings.shutdown_timeout_s
        if isinstance(self.wsgi, ByPort):
            self.wsgi.drain()
        if SUCCESSION.has_successor(self.age):
            self.listening.close_operators()  # it waits for the port
        self.listening.close_markets()
        farewell_s = min(_FAREWELL_S, within_s * _FAREWELL_SHARE)
        while self.listening.served and not self._is_over(began + within_s):
            if monotonic() >= began + farewell_s:
                self._end_idle()
            self.notify()
            gevent.sleep(0.02)
        if self.listening.served:
            self.log.warning("stopped with %s requests unfinished", self.listening.served)
        for connection in self.listening.clients():
            connection.reset()
        self._close_application()
        self.listening.close_operators()

    def _end_idle(self) -> None:
        self.patience.idle_s = 0.0
        for connection in self.listening.clients():
            connection.end_if_idle()

    def _close_application(self) -> None:
        within_s = _CLOSE_S
        if self._orphan_until is not None:
            within_s = max(_SHORT_CLOSE_S, self._orphan_until - monotonic())
        if isinstance(self.wsgi, ByPort) and (left := self.wsgi.close(within_s)):
            self.log.warning("stopped with %s tasks unfinished", left)
