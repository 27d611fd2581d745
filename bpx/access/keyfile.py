"""Keeps the keys as their file has them: what is revoked there is out within a second."""

import logging
from collections.abc import Callable
from pathlib import Path

from bpx.access.keys import BadKeys, Keyring, read_keys
from bpx.errors import BadOption
from bpx.runtime import Runtime

LOOK_S = 1.0

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


class KeyFile:
    """The keys of a file, and those of the options.

    Args:
        path: of the file; "" if there is none.
        further: keys that are in no file, as one has them.
        use: told the keys: now, and whenever they have changed.
        runtime: tasks and time.

    Raises:
        BadOption: they cannot be read.
    """

    def __init__(
        self, path: str, further: str, use: Callable[[Keyring], None], runtime: Runtime
    ) -> None:
        self._path = Path(path) if path else None
        self._further = further
        self._use = use
        self._runtime = runtime
        self._seen = self._stamp()
        self._is_closed = False
        use(load_keys(path, further))

    def follow(self) -> None:
        """Look for changes until `close`. What cannot be read changes nothing."""
        while self._path is not None and not self._is_closed:
            self._runtime.sleep(LOOK_S)
            stamp = self._stamp()
            if stamp != self._seen:
                self._seen = stamp
                self._read_anew()

    def drain(self) -> None:
        """Go on: there are requests until the end."""

    def close(self) -> None:
        """End it, at the next occasion."""
        self._is_closed = True

    def _read_anew(self) -> None:
        try:
            keys = load_keys(str(self._path), self._further)
        except BadOption as error:
            log.error("the keys stay as they were: %s", error)
            return
        self._use(keys)
        log.info("there are %s keys of clients now", len(keys))

    def _stamp(self) -> Stamp | None:
        try:
            facts = self._path.stat() if self._path is not None else None
        except OSError:
            return None
        return None if facts is None else (facts.st_mtime_ns, facts.st_ino, facts.st_size)


def load_keys(path: str, further: str) -> Keyring:
    """Return the keys of a file and further ones.

    Raises:
        BadOption: they cannot be read, or there is none although some are wanted.
    """
    try:
        of_file = Path(path).read_text("ascii") if path else ""
        keys = read_keys(of_file)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise BadOption(f"--security.keys-file {path} cannot be read: {reason}") from None
    except BadKeys as error:
        raise BadOption(f"--security.keys-file {path}: {error}") from None
    try:
        keys += read_keys(further)
    except BadKeys as error:
        raise BadOption(f"--security.keys: {error}") from None
    if (path or further) and not keys:
        # Whoever wants keys does not want everybody to be let in.
        raise BadOption("--security.keys-file has no key; bpx keys create makes one")
    return Keyring(keys)
