"""Proxies whose doors are guarded, each for the tests of a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from bpx.access.keys import Key, digest_of, read_scopes, write_keys
from tests.canaries import MARK
from tests.faults.stage import Stage, staged

SITE = "https://example.org"
BOT, OTHER, READER, OPS = (f"bpx_{name}-{MARK}-key-of-43-letters-or-more" for name in
                           ("bot", "other", "reader", "ops"))  # fmt: skip
KEYS = {
    "bot": (BOT, "data,public,signed"),
    "other": (OTHER, "data,public,signed"),
    "reader": (READER, "data"),
    "ops": (OPS, "operators"),
}


@dataclass
class Guarded:
    """A proxy with keys.

    Attributes:
        audit: its file.
        keys: their file.
    """

    stage: Stage
    audit: Path
    keys: Path

    def ask(self, target: str, key: str | None = None, method: str = "GET", **more):
        """Ask as the client of a key."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["X-BPX-API-Key"] = key
        return self.stage.spot.ask(target, method, headers=headers, **more).reply

    def operate(self, path: str, key: str | None = None, method: str = "GET", **more):
        """Ask the operators' port."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["X-BPX-API-Key"] = key
        url = self.stage.proxy.operators_url + path
        return requests.request(method, url, headers=headers, timeout=20, **more)


def keys_file(directory: Path) -> Path:
    """Write the keys of all clients."""
    path = directory / "keys"
    rows = [Key(name, read_scopes(scopes), digest_of(key)) for name, (key, scopes) in KEYS.items()]
    path.write_text(write_keys(rows))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def whole_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    keys, audit = keys_file(directory), directory / "audit"
    env = {
        "BPX_SECURITY_KEYS_FILE": str(keys),
        "BPX_SECURITY_AUDIT_FILE": str(audit),
        "BPX_SECURITY_CORS_ORIGINS": SITE,
        "BPX_FEAT_ENABLE_PPROF": "true",
        "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
        "BPX_LOG_LEVEL": "trace",
    }
    with staged(env, with_key=BOT) as stage:
        yield Guarded(stage, audit, keys)


@pytest.fixture
def guarded(whole_guarded: Guarded) -> Guarded:
    """The same proxy for the tests of a file, in front of an exchange that is well."""
    whole_guarded.stage.exchange.mend()
    return whole_guarded
