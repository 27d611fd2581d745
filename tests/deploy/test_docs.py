"""What README and docs say can be followed: links lead somewhere, commands run, options exist."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bpx.settings.reading import unknown_variables
from bpx.simulator.simulator import Simulator
from tests.proxy import ROOT, Proxy, bare_environment, running_proxy
from tests.waiting import eventually

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.md")),
]
BLOCK = re.compile(r"^```bash run\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]+)\)")
VARIABLE = re.compile(r"\bBPX_[A-Z0-9_]+\b")
# Variables that are none of an option: of commands, of tests, of Compose's file.
OTHERS = {"BPX_FAULTS_FULL", "BPX_CONFIG", "BPX_ENV", "BPX_KEY", "BPX_VERSION"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return what headings are called in links, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[`*\[\]]|\([^)]*\)", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_what_is_there(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_variables_that_are_named_are_options(page: Path) -> None:
    named = set(VARIABLE.findall(page.read_text())) - OTHERS
    named = {name for name in named if not name.endswith("_")}  # of a whole group
    assert unknown_variables(dict.fromkeys(named, "")) == []


def is_well(proxy: Proxy) -> bool:
    page = proxy.page("/health")
    return bool(page) and json.loads(page)["status"] == "ok"


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A proxy that runs, and the variables by which commands find it."""
    log = str(tmp_path_factory.mktemp("log") / "bpx.log")
    with ExitStack() as stack:
        sim = stack.enter_context(Simulator("spot"))
        urls = {"BPX_UPSTREAM_SPOT_REST": sim.rest_url, "BPX_UPSTREAM_SPOT_WS": sim.ws_url}
        proxy = stack.enter_context(running_proxy("spot", urls | {"BPX_LOG_OUTPUT": log}))
        eventually(lambda: is_well(proxy), within_s=20)  # as `bpx health` wants it
        port = proxy.operators_url.rpartition(":")[2]
        bin_of_python = str(Path(sys.executable).parent)
        yield bare_environment() | {
            "PYTHONPATH": str(ROOT),
            "PATH": f"{bin_of_python}{os.pathsep}{os.environ['PATH']}",
            "BPX_FEAT_METRICS_PORT": port,
            "BPX_FEAT_ENABLE_METRICS": "true",
            "BPX_LOG_OUTPUT": log,
        }


BLOCKS = [(page, block) for page in PAGES for block in BLOCK.findall(page.read_text())]


@pytest.mark.parametrize(
    ("page", "block"), BLOCKS, ids=[f"{name_of(page)}-{block[:30]}" for page, block in BLOCKS]
)
def test_marked_commands_run(
    page: Path, block: str, surroundings: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=surroundings,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_marked_commands() -> None:
    assert len(BLOCKS) >= 4
