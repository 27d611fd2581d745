"""Where the config file is looked for when nothing says where it is."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bpx.errors import BadOption
from bpx.settings.reading import CONFIG_VARIABLE, config_file

HERE = Path("bpx.conf")
OF_THE_MACHINE = Path("/etc/bpx/bpx.conf")


def places(environ: Mapping[str, str], of_the_machine: Path = OF_THE_MACHINE) -> list[Path]:
    """Return the well-known places, the first to look at first."""
    home = environ.get("HOME")
    given = environ.get("XDG_CONFIG_HOME") or (home and f"{home}/.config")
    own = [Path(given) / "bpx" / "bpx.conf"] if given else []
    return [HERE, *own, of_the_machine]


def with_config_file(
    argv: Sequence[str], environ: Mapping[str, str], of_the_machine: Path = OF_THE_MACHINE
) -> dict[str, str]:
    """Return the variables, with the config file that is found where none is named.

    Args:
        argv: flags of the proxy.
        environ: variables.
        of_the_machine: the last place.

    Raises:
        BadOption: the flags cannot be read, or the file here is somebody else's.
    """
    if config_file(argv, environ) is not None:
        return dict(environ)
    found = next((place for place in places(environ, of_the_machine) if _is_file(place)), None)
    if found is None:
        return dict(environ)
    if found is HERE and found.stat().st_uid not in (0, os.geteuid()):
        raise BadOption(f"./{HERE} belongs to another user; --config {HERE} takes it all the same")
    return {**environ, CONFIG_VARIABLE: str(found.absolute())}


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:  # of a home that is closed to us
        return False
