"""gunicorn started by ourselves, for `python -m bpx`; the same as by its own command."""

import os
from collections.abc import Sequence
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from bpx.server.configuration import application_for
from bpx.server.reloading import RELOADING
from bpx.settings import load


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the markets that are not disabled.

    Args:
        argv: our flags; variables are those of the environment.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = argv
        super().__init__()

    def load_config(self) -> None:
        """Take over the settings; again after SIGHUP."""
        for name, value in RELOADING.settings(None, self._argv, os.environ).items():
            self.cfg.set(name, value)
        application = application_for(load([], os.environ))
        self.cfg.set("default_proc_name", f"wsgi:{application}")

    def load(self) -> Any:
        """Load the application, in the worker."""
        return import_app(self.cfg.default_proc_name)
