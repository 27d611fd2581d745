"""`make install`, below a folder."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.proxy import ROOT

WITHOUT_EXCHANGE = {
    f"BPX_UPSTREAM_{market}_{kind}": f"{scheme}://127.0.0.1:9"
    for market in ("SPOT", "FUTURES")
    for kind, scheme in (("REST", "http"), ("WS", "ws"))
}


def checkout(folder: Path) -> Path:
    """Copy what a checkout has: nothing that was built, and nobody builds there beside us."""
    built = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    return Path(shutil.copytree(ROOT, folder / "checkout", ignore=built))


def make(target: str, sources: Path, root: Path, prefix: str, python: str) -> None:
    """Install, or uninstall.

    Args:
        target: `install` or `uninstall`.
        sources: a checkout.
        root: below which.
        prefix: where there.
        python: that what is installed runs with.
    """
    done = subprocess.run(
        ["make", target, f"DESTDIR={root}", f"PREFIX={prefix}", f"BOOTSTRAP={python}",
         f"PYTHON={sys.executable}", "RUN="],  # our own Python has all that is needed
        cwd=sources, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
