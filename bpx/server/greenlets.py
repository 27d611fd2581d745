"""All greenlets of the worker, and where each of them waits."""

import sys
from collections import Counter
from collections.abc import Iterator
from time import time_ns
from typing import Any
from weakref import WeakSet

import gevent
from gevent.greenlet import Greenlet
from gevent.monkey import get_original

from bpx.profiles.profile import Key, Profile, places, stack

_AT_ONCE = 100  # stacks that are read before others have their turn


class Greenlets:
    """Knows the greenlets that are started from `watch` on.

    The garbage collector knows them too, but only until it is told to leave what is there alone
    (`gc.freeze`), and asking it takes long.
    """

    def __init__(self) -> None:
        self._known: WeakSet[Greenlet] = WeakSet()

    def watch(self) -> None:
        """Take note of every greenlet that is started from now on."""
        Greenlet.add_spawn_callback(self._known.add)

    def unwatch(self) -> None:
        """Take note of no more."""
        Greenlet.remove_spawn_callback(self._known.add)

    def profile(self) -> Profile:
        """Return the stacks of all greenlets, and of all native threads."""
        began_ns = time_ns()
        found = Counter[Key]()
        for number, one in enumerate(self._alive()):
            if number % _AT_ONCE == _AT_ONCE - 1:
                gevent.sleep(0)
            found[_where(one)] += 1
        greenlets = found.total()
        found.update(_threads())
        return Profile(
            kinds=(("goroutine", "count"),),
            samples={key: (count,) for key, count in found.items()},
            began_ns=began_ns,
            remarks=(f"{greenlets} greenlets, {found.total() - greenlets} other threads",),
        )

    def _alive(self) -> Iterator[Any]:
        hub = gevent.get_hub()
        yield hub
        yield hub.parent  # the one that the process began with
        yield from (one for one in list(self._known) if not one.dead)


def _where(one: Any) -> Key:
    """Return where a greenlet is."""
    if one is gevent.getcurrent():
        return stack(places(sys._getframe())), (("state", "running"),)
    met = places(one.gr_frame)
    if not met:
        return (), (("state", "not begun"),)
    return stack(met), (("state", "waiting"),)


def _threads() -> Iterator[Key]:
    """Yield where each native thread is, but for this one: its greenlets have been told."""
    own = get_original("_thread", "get_ident")()  # patched, it names the greenlet
    for thread, frame in sys._current_frames().items():
        if thread != own:
            yield stack(places(frame)), (("state", "thread"),)
