"""gunicorn started by ourselves, for `python -m bpx`; the same as by its own command."""

import os
import sys
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

import bpx
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
        """Load the application, in the worker: ours, whatever else is called wsgi where we are."""
        module, _, name = self.cfg.default_proc_name.partition(":")
        path = Path(bpx.__file__).parent.with_name(f"{module}.py")
        spec = spec_from_file_location(module, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module])
        return getattr(sys.modules[module], name)
