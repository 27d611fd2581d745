"""What a server says of itself when it has started: what it is, where, and in front of whom."""

import os
from collections.abc import Sequence
from typing import Any

import gunicorn

import bpx
from bpx.settings import Settings


def greeting(
    markets: Sequence[str], settings: Settings, config_file: str | None, addresses: Sequence[Any]
) -> list[str]:
    """Return a line about the server, and one for each address that it listens on.

    Args:
        markets: that it serves.
        settings: by which.
        config_file: where they are from, too.
        addresses: one for each market, in their order; a single one has them all.
    """
    hosts = {"spot": settings.spot_rest_urls, "futures": settings.futures_rest_urls}
    repeated = list(markets) * len(addresses) if len(markets) == 1 else markets
    return [
        f"bpx {bpx.__version__} with gunicorn {gunicorn.__version__}, process {os.getpid()}, "
        + (f"config file {config_file}" if config_file else "without a config file"),
        *(
            f"{market} on {address} for {', '.join(hosts[market])}"
            for market, address in zip(repeated, addresses, strict=False)
        ),
    ]
