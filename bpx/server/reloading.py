"""The options as a server has them: read at the start, and again at every SIGHUP."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from bpx.errors import BadOption
from bpx.logs import log
from bpx.server.configuration import application_for, begin_to_log, gunicorn_settings
from bpx.server.start import check_address, do_meet, refuse_to_start
from bpx.settings import load, variables
from bpx.settings.reading import CONFIG_VARIABLE, OPTIONS


class Reloading:
    """Makes gunicorn's settings from ours.

    Bad options end a start; a reload they only stop, and everything stays as it was. Workers are
    given what was good, by their environment: they never read a file that has changed meanwhile.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] | None = None  # the environment as it was
        self._made: dict[str, Any] = {}

    def settings(
        self, application: str | None, argv: Sequence[str], environ: MutableMapping[str, str]
    ) -> dict[str, Any]:
        """Return gunicorn's settings. At a start, end the process if an option is bad.

        Args:
            application: its name in wsgi.py; by default, of all markets that are not disabled.
            argv: our flags.
            environ: of this process and of the workers to come; it is made to say what counts.
        """
        if self._given is None:
            self._given = dict(environ)
        try:
            made, values = self._read(application, argv, self._given)
        except BadOption as error:
            if not self._made:
                refuse_to_start(str(error))
            log.error("nothing is reloaded: %s", error)
            return self._made
        _adopt(values, environ)
        self._made = made
        return made

    def _read(
        self, application: str | None, argv: Sequence[str], given: Mapping[str, str]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        settings = load(argv, given)
        if application is None:
            application = application_for(settings)
        made = gunicorn_settings(application, settings)
        if self._made:
            _check_new(made["bind"], self._made["bind"])
        begin_to_log(settings, given)  # last: what is refused changes nothing
        return made, variables(settings)


def _check_new(addresses: Sequence[str], ours: Sequence[str]) -> None:
    listened_on = [_parts(address) for address in ours]
    for host, port in map(_parts, set(addresses) - set(ours)):
        is_ours = any(do_meet((host, port), one) for one in listened_on)
        check_address((host, 0 if is_ours else port))  # is the host here, if the port is ours?


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _adopt(values: Mapping[str, str], environ: MutableMapping[str, str]) -> None:
    for name in [CONFIG_VARIABLE, *(option.variable for option in OPTIONS.values())]:
        environ.pop(name, None)
    environ.update(values)


RELOADING = Reloading()  # gunicorn.conf.py is run afresh at every reload; this stays
