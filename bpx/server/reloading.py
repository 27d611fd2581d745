"""The options as a server has them: read at the start, and again at every SIGHUP."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from bpx.errors import BadOption
from bpx.logs import log
from bpx.server.cautions import cautions
from bpx.server.configuration import (
    MARKETS,
    application_for,
    begin_to_log,
    gunicorn_settings,
    markets_of,
)
from bpx.server.greeting import greeting
from bpx.server.hooks import HOOKS
from bpx.server.shared import NOTIFYING
from bpx.server.start import refuse_to_start
from bpx.settings import Settings, load, variables
from bpx.settings.places import with_config_file
from bpx.settings.reading import CONFIG_VARIABLE, OPTIONS, config_file

_KINDS = {option.name: option.kind for option in OPTIONS.values()}


class _Source(NamedTuple):
    """Where options come from: the same at every reload, but for what the config file says."""

    application: str | None
    argv: Sequence[str]
    environ: Mapping[str, str]


class _Taken(NamedTuple):
    """Options that can be served with, as all who need them want them."""

    made: dict[str, Any]  # gunicorn's settings
    values: dict[str, str]  # variables of the workers to come
    places: dict[str, Any]
    greeting: Callable[[Sequence[Any]], list[str]]  # of the addresses that are listened on
    cautions: list[str]


class Reloading:
    """Makes gunicorn's settings from ours.

    Bad options end a start. A reload is looked at before gunicorn begins with it: what is bad, or
    would have the server listen elsewhere, leaves all as it was, the worker too. Workers are
    given what was good, by their environment: they never read a file that has changed meanwhile.
    """

    def __init__(self) -> None:
        self._source: _Source | None = None
        self._taken: _Taken | None = None

    def settings(
        self, application: str | None, argv: Sequence[str], environ: MutableMapping[str, str]
    ) -> dict[str, Any]:
        """Return gunicorn's settings; in a reload, those that `can_reload` has read.

        At a start, end the process if an option is bad.

        Args:
            application: its name in wsgi.py; by default, of all markets that are not disabled.
            argv: our flags.
            environ: of this process and of the workers to come; it is made to say what counts.
        """
        if self._taken is None:
            NOTIFYING.begin(environ)
            self._source = _Source(application, argv, dict(environ))
            try:
                self._taken = self._read(self._source)
            except BadOption as error:
                refuse_to_start(str(error))
                raise
        _adopt(self._taken.values, environ)
        return self._taken.made

    def can_reload(self) -> bool:
        """Read the options anew, and keep them for `settings`. What is bad is logged."""
        if self._source is None:
            return False
        try:
            self._taken = self._read(self._source)
        except BadOption as error:
            log.error("nothing is reloaded: %s", error)
            return False
        except Exception:  # noqa: BLE001 - else gunicorn would end, in the middle of requests
            log.exception("nothing is reloaded")
            return False
        return True

    def _read(self, source: _Source) -> _Taken:
        # In this process alone: a worker looks for no file, as it never reads one.
        environ = with_config_file(source.argv, source.environ)
        settings = load(source.argv, environ)
        application = source.application or application_for(settings)
        places = _places(application, settings)
        if self._taken is not None:
            _refuse_moves(self._taken.places, places)
        made = gunicorn_settings(application, settings) | {"when_ready": self._begin}
        greet = partial(
            greeting,
            markets_of(application, settings),
            settings,
            config_file(source.argv, environ),
        )
        # Last: what is refused changes nothing.
        begin_to_log(settings, source.argv, source.environ)
        return _Taken(made, variables(settings), places, greet, cautions(settings))

    def _begin(self, server: Any) -> None:
        """Say what has started; have gunicorn begin with a reload only if it can be finished."""
        HOOKS["when_ready"](server)
        if self._taken is not None:
            for line in self._taken.greeting(server.LISTENERS):
                log.info(line)
            for line in self._taken.cautions:
                log.warning(line)
        server.handle_hup = partial(self._reload, server.handle_hup)

    def _reload(self, begin: Any) -> None:
        NOTIFYING.reloading(monotonic())
        if self.can_reload():
            begin()  # the worker that comes says that all is ready
        else:
            NOTIFYING.ready("serving; the last reload was refused, see the log")


def _places(application: str, settings: Settings) -> dict[str, Any]:
    """Return what says where is listened, and for what: option -> what it comes to."""
    markets = markets_of(application, settings)
    ports = {"spot": settings.port_spot, "futures": settings.port_futures}
    places: dict[str, Any] = {f"disable-{name}": name not in markets for name in MARKETS["both"]}
    places["server.host"] = settings.host
    places |= {f"server.port-{market}": ports[market] for market in markets}
    places["features.enable-metrics"] = settings.metrics_enabled
    if settings.metrics_enabled:
        places["features.metrics-port"] = settings.operators_port(application)
    return places


def _refuse_moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse to listen elsewhere: gunicorn would close all of its sockets to open others.

    Those that stay could not be had again, as the worker that goes still listens on them.
    """
    for name, place in before.items():
        if after[name] != place:  # the first that differs is there: others depend on it
            was, wanted = map(_KINDS[name].write, (place, after[name]))
            raise BadOption(f"--{name} cannot change from {was} to {wanted} without a restart")


def _adopt(values: Mapping[str, str], environ: MutableMapping[str, str]) -> None:
    for name in [CONFIG_VARIABLE, *(option.variable for option in OPTIONS.values())]:
        environ.pop(name, None)
    environ.update(values)


RELOADING = Reloading()  # gunicorn.conf.py is run afresh at every reload; this stays
