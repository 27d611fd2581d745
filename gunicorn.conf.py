"""Settings of `gunicorn -c gunicorn.conf.py wsgi:spot`; see bpx/server/configuration.py."""

import os
import sys

from bpx.server.configuration import application_of, gunicorn_settings

globals().update(gunicorn_settings(application_of(sys.argv), os.environ))
