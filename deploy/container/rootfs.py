"""Carries out the steps of the Dockerfile where there is no engine, in clean roots of Debian.

    python -m deploy.container.rootfs FOLDER

leaves the files of the image in FOLDER/image, and prints as JSON what an engine would start there.
It needs root and debootstrap. Packages come as apt and pip of this machine are set up; Python is
Debian's, of the same version. A step that it does not know ends it.
"""

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

CONTEXT = Path(__file__).parent.parent.parent
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"  # of Python's own image
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WHEELS = "/wheels"


@dataclass
class Stage:
    """A root, and what the steps say of whoever runs there."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    workdir: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    stop_signal: str = "SIGTERM"

    def inside(self, path: str) -> Path:
        """Return where a path of the root is for us."""
        return self.root / os.path.join(self.workdir, path).lstrip("/")


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield each step of a Dockerfile: its word, and the rest."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word, rest.strip()


class Building:
    """A build, from the first step to the last.

    Args:
        folder: for its roots.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arguments: dict[str, str] = {}
        self._stages: dict[str, Stage] = {}
        self._stage = Stage(folder)

    def build(self, text: str) -> Stage:
        """Carry out a Dockerfile; return its last stage, in `image`."""
        for word, rest in steps(text):
            getattr(self, f"_{word.lower()}")(self._filled(rest))
        self._stage.root = self._stage.root.rename(self._folder / "image")
        return self._stage

    def _filled(self, text: str) -> str:
        known = self._arguments | self._stage.env
        return re.sub(r"\$\{?(\w+)\}?", lambda match: known.get(match[1], match[0]), text)

    def _arg(self, rest: str) -> None:
        name, _, text = rest.partition("=")
        self._arguments[name] = text

    def _from(self, rest: str) -> None:
        image, *named = rest.split()
        base = self._folder / "base"
        if not base.exists():
            make_base(base, image)
        name = named[1] if named else "last"
        subprocess.run(["cp", "-a", base, self._folder / name], check=True)
        self._stage = self._stages[name] = Stage(self._folder / name)

    def _workdir(self, rest: str) -> None:
        self._stage.workdir = rest
        self._stage.inside("").mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *names, target = rest.split()
        source = CONTEXT
        if names[0].startswith("--from="):
            source = self._stages[names.pop(0).partition("=")[2]].root
        for name in names:
            self._copy_one(source / name.lstrip("/"), target)

    def _copy_one(self, source: Path, target: str) -> None:
        place = self._stage.inside(target)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__") if CONTEXT in source.parents else None
            shutil.copytree(source, place, symlinks=True, ignore=ignored, dirs_exist_ok=True)
            return
        place = place / source.name if target.endswith("/") else place
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)

    def _run(self, rest: str) -> None:
        stage, wheels = self._stage, self._stage.root / WHEELS.lstrip("/")
        if "pip " in rest:
            fetch_wheels(wheels)
        shutil.copy("/etc/resolv.conf", stage.root / "etc/resolv.conf")
        env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS, "DEBIAN_FRONTEND": "noninteractive"}
        inside = f"cd {shlex.quote(stage.workdir)} && {rest}"
        subprocess.run(
            ["chroot", stage.root, "/bin/sh", "-c", inside], env=env | stage.env, check=True,
            stdout=sys.stderr,
        )  # fmt: skip
        (stage.root / "etc/resolv.conf").unlink()
        shutil.rmtree(wheels, ignore_errors=True)

    def _env(self, rest: str) -> None:
        self._stage.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))

    def _expose(self, rest: str) -> None:
        self._stage.ports += map(int, rest.split())

    def _user(self, rest: str) -> None:
        self._stage.user = rest

    def _stopsignal(self, rest: str) -> None:
        self._stage.stop_signal = rest

    def _healthcheck(self, rest: str) -> None:
        self._stage.health = json.loads(rest.partition(" CMD ")[2])

    def _entrypoint(self, rest: str) -> None:
        self._stage.entrypoint = json.loads(rest)


def make_base(root: Path, image: str, packages: str = PACKAGES) -> None:
    """Make a clean root, in the place of an image of Python.

    Args:
        root: its folder.
        image: its name, which ends in the name of Debian's version.
        packages: to be in it, with commas between them.
    """
    suite = image.rpartition("-")[2]
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", suite, root, *mirrors(suite)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    shutil.rmtree(root / "var/cache/apt/archives")


def mirrors(suite: str) -> list[str]:
    """Return where apt of this machine has a version of Debian from; nothing if it has not."""
    shown = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    rows = [line.split() for line in shown.stdout.splitlines()]
    return [row[1] for row in rows if row[0] == suite][:1]


def fetch_wheels(folder: Path) -> None:
    """Have pip of this machine fetch what the image needs: it knows the way to a registry."""
    machine = platform.machine()
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
         "--python-version=3.11", f"--platform=manylinux2014_{machine}",
         f"--platform=manylinux_2_28_{machine}", "--require-hashes", f"--dest={folder}",
         f"--requirement={CONTEXT / 'requirements.txt'}"],
        check=True, stdout=sys.stderr,
    )  # fmt: skip


def build(folder: Path) -> Stage:
    """Carry out our Dockerfile."""
    return Building(folder).build((CONTEXT / "Dockerfile").read_text())


if __name__ == "__main__":
    print(json.dumps(asdict(build(Path(sys.argv[1]))), indent=2, default=str))
