"""What an engine does with an image, by the kernel's own means: a container without a network."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.container.rootfs import Stage
from tests.waiting import eventually

MEMORY = Path("/sys/fs/cgroup/memory")  # version 1
TOGETHER = Path("/sys/fs/cgroup")  # version 2
# In namespaces of its own. Of the root only what is mounted may be written to.
SHUT = """
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o size=64m tmpfs "$ROOT/dev/shm"
for volume in $VOLUMES; do
  mkdir -p "$ROOT/${volume#*:}"
  mount --bind "${volume%%:*}" "$ROOT/${volume#*:}"
done
mount -o remount,bind,ro "$ROOT"
"""
# A new root, the user of the image, and no rights at all; then what is to be PID 1.
ENTER = """
exec chroot "$ROOT" setpriv --reuid="${USER%%:*}" --regid="${USER##*:}" --clear-groups \\
  --bounding-set=-all --inh-caps=-all --no-new-privs sh -c 'cd "$WORKDIR" && exec "$@"' sh "$@"
"""


@dataclass
class Container:
    """A container that runs.

    Args:
        pid: of its first process, as we see it.
        group: where its memory is counted.
    """

    stage: Stage
    env: Mapping[str, str]
    pid: int
    group: "Group | None"
    process: subprocess.Popen[bytes]
    log_path: Path

    def log(self) -> str:
        return self.log_path.read_text()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as `docker exec` does."""
        user, group = self.stage.user.split(":")
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--root",
                  f"--wd=/proc/{self.pid}/root{self.stage.workdir}"]  # fmt: skip
        rights = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups",
                  "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]  # fmt: skip
        return subprocess.run(
            [*inside, *rights, *command], env=dict(self.env), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def is_well(self) -> bool:
        """Whether the image's own check says so."""
        return self.run(*self.stage.health).returncode == 0

    def stop(self) -> int:
        """Do what `docker stop` does; return the exit code."""
        os.kill(self.pid, signal.Signals[self.stage.stop_signal])
        return self.process.wait(20)


class Group:
    """A control group that bounds memory."""

    def __init__(self, name: str, limit_mb: int) -> None:
        self._is_old = MEMORY.is_dir()
        self.path = (MEMORY if self._is_old else TOGETHER) / name
        self.path.mkdir()
        limit = "memory.limit_in_bytes" if self._is_old else "memory.max"
        (self.path / limit).write_text(str(limit_mb * 2**20))

    def anonymous_mb(self) -> float:
        """Return what its processes hold that is in no file: what cannot be given back."""
        name = "total_rss" if self._is_old else "anon"
        return self._fact("memory.stat", name) / 2**20

    def kills(self) -> int:
        """Return how often something in it was killed for want of memory."""
        return self._fact("memory.oom_control" if self._is_old else "memory.events", "oom_kill")

    def is_removed(self) -> bool:
        """Remove it, which takes until the last of its processes has gone."""
        with suppress(OSError):
            self.path.rmdir()
        return not self.path.exists()

    def _fact(self, file: str, name: str) -> int:
        rows = dict(line.split() for line in (self.path / file).read_text().splitlines())
        return int(rows[name])


def memory_group(limit_mb: int | None) -> Group | None:
    """Make a group; skip the test where none can be made."""
    if limit_mb is None:
        return None
    try:
        return Group(f"bpx-{os.getpid()}", limit_mb)
    except OSError as error:
        pytest.skip(f"memory cannot be bounded here: {error}")


def missing() -> str | None:
    """Return what is missing here to build an image and run it."""
    if os.geteuid() != 0:
        return "root"
    tools = ("debootstrap", "chroot", "unshare", "setpriv", "nsenter")
    if gone := [tool for tool in tools if shutil.which(tool) is None]:
        return ", ".join(gone)
    spaces = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return "namespaces" if spaces.returncode else None


@contextmanager
def running_container(
    stage: Stage,
    env: Mapping[str, str],
    log_path: Path,
    args: Sequence[str] = (),
    volumes: Mapping[Path, str] | None = None,
    limit_mb: int | None = None,
) -> Iterator[Container]:
    """Run an image with a root that is read-only, as the specification's manifest does.

    Args:
        stage: the image.
        env: on top of its own.
        log_path: for what it prints.
        args: after its entry point.
        volumes: folder of ours -> where it is mounted.
        limit_mb: what memory it may take.
    """
    group = memory_group(limit_mb)
    inside = stage.env | dict(env)
    shown = {
        "ROOT": str(stage.root), "USER": stage.user, "WORKDIR": stage.workdir,
        "VOLUMES": " ".join(f"{ours}:{theirs}" for ours, theirs in (volumes or {}).items()),
    }  # fmt: skip
    words = [f"{name}={text}" for name, text in inside.items()]
    command = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", SHUT + ENTER,
               "sh", "env", "-i", *words, *stage.entrypoint, *args]  # fmt: skip
    if group is not None:
        command = ["sh", "-c", f'echo $$ > {group.path}/cgroup.procs; exec "$@"', "sh", *command]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"], **shown}, stdout=log, stderr=log
        )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        eventually(lambda: bool(children.read_text().split()), within_s=10)
        pid = int(children.read_text().split()[0])
        yield Container(stage, inside, pid, group, process, log_path)
    finally:
        if process.poll() is None:
            for child in map(int, children.read_text().split()):
                os.kill(child, signal.SIGKILL)  # the first of its space: all there ends with it
            process.kill()
            process.wait()
        if group is not None:
            eventually(group.is_removed, within_s=10)
