"""Row G19: no version is pinned that is known to be bad, and all pins have hashes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = ("requirements", "requirements-simulator", "requirements-dev")

# What is older has a hole; the reason is the newest that was mended.
FLOORS = {
    "aiohttp": ("3.12.14", "CVE-2025-53643, request smuggling"),
    "certifi": ("2024.7.4", "CVE-2024-39689, a root that is trusted no more"),
    "cryptography": ("44.0.1", "CVE-2024-12797, raw public keys"),
    "flask": ("3.1.1", "CVE-2025-47278, order of keys"),
    "gevent": ("24.10.1", "CVE-2023-41419, and Greenlet regressions"),
    "gunicorn": ("26.1", "request smuggling: CVE-2024-1135, CVE-2024-6827, and truncated chunks"),
    "idna": ("3.7", "CVE-2024-3651, endless encoding"),
    "jinja2": ("3.1.6", "CVE-2025-27516, sandbox"),
    "requests": ("2.32.4", "CVE-2024-47081, credentials of .netrc"),
    "urllib3": ("2.7.0", "CVE-2025-66471, CVE-2026-21441, CVE-2026-44432: bombs"),
    "werkzeug": ("3.1.0", "CVE-2024-49767, endless forms"),
    "zipp": ("3.19.1", "CVE-2024-5569, endless loop"),
}


def pins(name: str) -> dict[str, tuple[str, str]]:
    """Return what a file pins: package -> version, and all that stands behind it."""
    text = (ROOT / f"{name}.txt").read_text().replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)(.*)", line):
            found[match[1].lower().replace("_", "-")] = (match[2], match[3])
        else:
            assert not line.strip() or line.startswith("#"), line
    return found


def ordered(version: str) -> tuple[int, ...]:
    """Return a version as numbers."""
    return tuple(map(int, re.findall(r"\d+", version)))


@pytest.mark.parametrize("name", FILES)
def test_g19_nothing_is_pinned_that_is_known_to_be_bad(name: str) -> None:
    for package, (version, _) in pins(name).items():
        floor, reason = FLOORS.get(package, ("0", ""))
        assert ordered(version) >= ordered(floor), f"{package}: {reason}"


@pytest.mark.parametrize("name", FILES)
def test_g19_every_pin_has_hashes(name: str) -> None:
    assert len(pins(name)) > 20
    for package, (_, behind) in pins(name).items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", behind), package


@pytest.mark.parametrize("name", FILES)
def test_what_is_wanted_is_what_is_pinned(name: str) -> None:
    wanted = (ROOT / f"{name}.in").read_text().splitlines()
    pinned = pins(name)
    for line in wanted:
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", line):
            assert pinned[match[1].lower().replace("_", "-")][0] == match[2], "run: make lock"


def test_versions_are_compared_as_numbers() -> None:
    assert ordered("3.10.1") > ordered("3.9")
    assert ordered("26.1") <= ordered("27.0.1")
