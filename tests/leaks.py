"""What a process of the tests still holds: threads, open files and sockets, greenlets."""

import gc
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator

# Of the interpreter and of libraries, once for a process, however much runs in it.
_OF_THE_PROCESS = (
    "anon_inode:[eventpoll]",  # of gevent's loop
    "anon_inode:[eventfd]",
)


def held() -> Counter[str]:
    """Return what is held now, by name."""
    gc.collect()
    return Counter([*_threads(), *_files(), *_greenlets()])


def _threads() -> Iterator[str]:
    for thread in threading.enumerate():
        yield f"thread {thread.name}"


def _files() -> Iterator[str]:
    for name in os.listdir("/proc/self/fd"):
        try:
            place = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the list's own
            continue
        if place not in _OF_THE_PROCESS:
            yield place if place.startswith("/") else f"{place.partition(':')[0]} {name}"


def _greenlets() -> Iterator[str]:
    gevent = sys.modules.get("gevent")
    if gevent is not None:
        for one in gc.get_objects():
            if isinstance(one, gevent.Greenlet) and not one.dead:
                yield f"greenlet {one!r}"
