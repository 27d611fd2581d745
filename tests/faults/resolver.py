"""A name look-up for the proxy under test that a test can break: `GEVENT_RESOLVER` names it.

`BPX_TEST_NAMES` names a file; its first word says what look-ups do: an address to return, `fail`,
or `slow`, for five seconds in a thread of the pool, as the system's own does.
"""

import os
import socket
from pathlib import Path
from typing import Any

import gevent
from gevent.monkey import get_original
from gevent.resolver.thread import Resolver


class BreakableResolver(Resolver):  # type: ignore[misc]
    """Looks up what the file says."""

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **rest: Any) -> Any:
        """Return the one address, or fail."""
        if host == "exchange.test":
            host = self._address()
        return super().getaddrinfo(host, port, *args, **rest)

    def _address(self) -> str:
        word = Path(os.environ["BPX_TEST_NAMES"]).read_text().strip()
        if word == "slow":
            gevent.get_hub().threadpool.apply(get_original("time", "sleep"), (5.0,))
        if word in ("slow", "fail"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return word
