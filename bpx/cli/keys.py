"""`bpx keys create|list|revoke`: the keys by which a proxy knows its clients."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from bpx.access.keys import (
    TRADING,
    BadKeys,
    Key,
    digest_of,
    is_name,
    make_key,
    read_keys,
    read_scopes,
    write_keys,
)
from bpx.cli.command import DONE, CommandFailed, parser, run, settings_here
from bpx.cli.output import Output

SHOWN_DIGITS = 8  # of a hash, to tell keys of one name apart
HEADS = ("name", "scopes", "sha256")


def main(argv: Sequence[str]) -> int:
    """Create, list or revoke keys; return the exit code."""
    made = parser(
        "keys",
        "create NAME: make a key for a client and print it, once: only its hash is kept. A second\n"
        "key of the same name is valid beside the first, so that it can be exchanged.\n"
        "list: the keys there are. revoke NAME: remove them; with --older all but the newest.\n"
        "A running proxy takes changes over within a second.\n"
        "Scopes: data (market data that is cached), public (everything else without a\n"
        "signature), signed (accounts and orders), operators (the operators' pages).",
        "bpx keys create bot-4 --file /etc/bpx/keys",
    )
    made.add_argument("action", choices=["create", "list", "revoke"])
    made.add_argument("name", nargs="?", help="of the client")
    made.add_argument(
        "--scopes",
        metavar="SCOPE[,SCOPE]",
        default=",".join(sorted(TRADING)),
        help="what a new key is for (by default %(default)s)",
    )
    made.add_argument("--older", action="store_true", help="revoke: keep the newest key")
    made.add_argument(
        "--file",
        metavar="FILE",
        help="of the keys (by default where BPX_SECURITY_KEYS_FILE or the config file put it)",
    )
    asked = made.parse_args(argv)
    action = {"create": _create, "list": _list, "revoke": _revoke}[asked.action]
    return run(lambda: action(asked, _path(asked.file), Output(is_json=asked.json)))


def _create(asked: Any, path: Path, output: Output) -> int:
    if not is_name(asked.name or ""):
        raise CommandFailed("a name has letters, digits, dots, dashes and underscores, at most 64")
    try:
        scopes = read_scopes(asked.scopes)
    except ValueError as error:
        raise CommandFailed(
            f"--scopes: {error}; there are data, public, signed, operators"
        ) from None
    key = make_key()
    _write(path, [*_read(path), Key(asked.name, scopes, digest_of(key))])
    if asked.json:
        output.data({"name": asked.name, "scopes": sorted(scopes), "key": key})
    else:
        print(key)
    return DONE


def _list(asked: Any, path: Path, output: Output) -> int:
    rows = [(key.name, ",".join(sorted(key.scopes)), key.digest[:SHOWN_DIGITS])
            for key in _read(path)]  # fmt: skip
    if asked.json:
        output.data([dict(zip(HEADS, row, strict=True)) for row in rows])
    else:
        output.table(HEADS, rows)
    return DONE


def _revoke(asked: Any, path: Path, output: Output) -> int:
    keys = _read(path)
    gone = [key for key in keys if key.name == asked.name]
    if not gone:
        raise CommandFailed(f"there is no key {asked.name} in {path}")
    if asked.older:
        gone = gone[:-1]
    _write(path, [key for key in keys if key not in gone])
    if asked.json:
        output.data({"name": asked.name, "revoked": len(gone)})
    else:
        output.say(f"{len(gone)} of {asked.name} revoked")
    return DONE


def _path(given: str | None) -> Path:
    if given:
        return Path(given)
    path = settings_here(os.environ).keys_file
    if not path:
        raise CommandFailed("which file? --file or BPX_SECURITY_KEYS_FILE says it")
    return Path(path)


def _read(path: Path) -> list[Key]:
    try:
        return read_keys(path.read_text("ascii"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, BadKeys) as error:
        raise CommandFailed(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file at once, so that nobody reads half of it; only its owner may read it."""
    unfinished = None
    try:
        with NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            unfinished = file.name
            file.write(write_keys(keys))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():  # whoever is to read it, may go on
            facts = path.stat()
            os.chmod(unfinished, facts.st_mode & 0o777)
            with suppress(PermissionError):
                os.chown(unfinished, facts.st_uid, facts.st_gid)
        os.replace(unfinished, path)
    except OSError as error:
        if unfinished is not None:
            with suppress(OSError):
                os.unlink(unfinished)
        raise CommandFailed(f"{path} cannot be written: {error.strerror}") from error
