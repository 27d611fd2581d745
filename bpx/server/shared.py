"""What the processes of a server share: made in the master, before it forks.

So it has to be imported there, as `hooks` does.
"""

from bpx.server.keepsake import Keepsake
from bpx.server.notifying import Notifying
from bpx.server.succession import Succession

SUCCESSION = Succession()
KEEPSAKE = Keepsake()
NOTIFYING = Notifying()
