"""Which objects there are: by type, how many, and of how many bytes.

Finding that out takes about a second for a million objects, in which nobody else computes. So it
is done in a thread, in short pieces with a rest after each.
"""

import gc
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

PIECE = 1_000  # objects that are looked at without a rest
LARGE_BYTES = 512  # strings and the like that are smaller are not counted

Rest = Callable[[], None]


class Held(NamedTuple):
    """What the objects of one type come to.

    Args:
        number: how many there are.
        size_bytes: of all of them, without what they refer to.
    """

    number: int
    size_bytes: int


Census = dict[str, Held]


def take_census(rest: Rest) -> Census:
    """Count the objects that the garbage collector knows, and large ones that these refer to.

    Strings, bytes and numbers are unknown to it: those of at least `LARGE_BYTES` are counted if
    one that it knows refers to them. What was frozen is not seen, nor what is no Python object.

    Args:
        rest: called again and again, to let others have their turn.
    """
    counts: dict[type, int] = {}
    sizes: dict[type, int] = {}
    seen: set[int] = set()
    objects = gc.get_objects()
    own = {id(objects), id(counts), id(sizes), id(seen)}
    for begin in range(0, len(objects), PIECE):
        piece = objects[begin : begin + PIECE]
        _count([one for one in piece if id(one) not in own], counts, sizes)
        _count(_large(piece, seen), counts, sizes)
        rest()
    return _by_name(counts, sizes)


def _count(objects: Iterable[object], counts: dict[type, int], sizes: dict[type, int]) -> None:
    for one in objects:
        kind = type(one)
        counts[kind] = counts.get(kind, 0) + 1
        sizes[kind] = sizes.get(kind, 0) + _size(one)


def _large(objects: list[object], seen: set[int]) -> list[object]:
    """Return what the objects refer to, is large and not known to the collector, each once.

    A dict that holds nothing but strings, bytes and numbers is not known to it either.
    """
    found: list[object] = []
    while objects:
        dicts: list[object] = []
        for one in gc.get_referents(*objects):
            if gc.is_tracked(one) or id(one) in seen:
                continue
            if type(one) is dict:
                dicts.append(one)
            elif _size(one) < LARGE_BYTES:
                continue
            seen.add(id(one))
            found.append(one)
        objects = dicts
    return found


def _size(one: object) -> int:
    try:
        return sys.getsizeof(one)
    except Exception:  # noqa: BLE001 - whatever a type of somebody's own raises: it has no size
        return 0


def _by_name(counts: dict[type, int], sizes: dict[type, int]) -> Census:
    census: Census = {}
    for kind, count in counts.items():
        name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        before = census.get(name, Held(0, 0))  # types may share a name
        census[name] = Held(before.number + count, before.size_bytes + sizes[kind])
    return census
