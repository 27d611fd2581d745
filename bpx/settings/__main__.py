"""Prints the options.

`python -m bpx.settings` prints docs/configuration.md; with the name of a place where bpx is
deployed, `kubernetes` or `compose`, the file of variables that is used there.
"""

import sys

from bpx.settings.deployed import variables_file
from bpx.settings.texts import page

sys.stdout.write(variables_file(sys.argv[1]) if sys.argv[1:] else page())
