"""Settings of `gunicorn -c gunicorn.conf.py wsgi:spot`; see bpx/server/configuration.py."""

import os
import sys

from bpx.server.configuration import application_of
from bpx.server.reloading import RELOADING

globals().update(RELOADING.settings(application_of(sys.argv), [], os.environ))
