"""The query of a request, read as strictly as an answer from a cache needs it."""

from collections.abc import Callable, Mapping

Params = Mapping[str, str]  # decoded values by name
Parameter = Callable[[str], bool]  # whether a decoded value is legal


def read_query(
    query: str, parameters: Mapping[str, Parameter], required: frozenset[str]
) -> Params | None:
    """Return the parameters of a raw query, or None unless every one is known, legal, given once.

    A cache must not guess: whatever is not plainly understood is for Binance to judge.
    """
    raise NotImplementedError
