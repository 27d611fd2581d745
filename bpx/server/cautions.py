"""What an operator is warned of: it works, and is hardly what is wanted."""

import os
import stat
from collections.abc import Iterator

from bpx.settings import Settings

_OTHERS = stat.S_IRWXG & ~stat.S_IXGRP | stat.S_IRWXO


def cautions(settings: Settings) -> list[str]:
    """Return what there is to be warned of, a line each."""
    return [*_of_openness(settings), *_of_files(settings)]


def _of_openness(settings: Settings) -> Iterator[str]:
    if settings.is_open:
        yield (
            f"everybody who reaches {settings.host} may use the proxy: "
            "--security.keys-file or --security.allow would say who"
        )


def _of_files(settings: Settings) -> Iterator[str]:
    secrets = {
        "--security.keys-file": settings.keys_file,
        "--tls.key-file": settings.certificate_key_file,
    }
    for name, path in secrets.items():
        if path and _mode(path) & _OTHERS:
            yield f"{name} {path} is open to others: its mode should be 0600"


def _mode(path: str) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return 0
