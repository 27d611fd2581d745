"""How long to wait before connecting again."""

from collections.abc import Iterator
from random import uniform


def delays(first_s: float, longest_s: float) -> Iterator[float]:
    """Yield waits with full jitter: each is random up to a top that doubles up to `longest_s`.

    https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """
    top_s = first_s
    while True:
        yield uniform(0, top_s)
        top_s = min(top_s * 2, longest_s)
