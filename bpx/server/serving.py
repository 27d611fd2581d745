"""gunicorn started by ourselves, for `python -m bpx`; the same as by its own command."""

import os
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from bpx.server.configuration import gunicorn_settings


class Server(BaseApplication):  # type: ignore[misc]
    """Serves `wsgi:<application>`, with the options that are in the environment."""

    def __init__(self, application: str) -> None:
        self._application = application
        super().__init__()

    def load_config(self) -> None:
        """Take over the settings; again after SIGHUP."""
        self.cfg.set("default_proc_name", f"wsgi:{self._application}")
        for name, value in gunicorn_settings(self._application, os.environ).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Load the application, in the worker."""
        return import_app(f"wsgi:{self._application}")
