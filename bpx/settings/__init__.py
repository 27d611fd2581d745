"""Every option of bpx, declared once. Imports nothing of bpx but its errors, and opens no socket.

`option` and `options` declare them, `kinds` says what a value may be, `reading` reads them
from flags, variables and a config file, `deprecated` tells of older names, `texts` prints them.
"""

from bpx.settings.options import Settings
from bpx.settings.reading import load, variables
from bpx.settings.texts import table

__all__ = ["Settings", "load", "table", "variables"]
