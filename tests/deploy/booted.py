"""A machine of its own that systemd has booted: a clean Debian in a container."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import eventually

SECONDS_TO_BOOT = 60.0


@dataclass(frozen=True)
class Machine:
    """A machine that runs.

    Args:
        root: its files.
        pid: of its systemd, as we see it.
    """

    root: Path
    pid: int

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as root."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid",
             "--root", "--wd", *command],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def shell(self, text: str) -> None:
        """Have its shell do something, which must go well."""
        done = self.run("sh", "-c", text)
        assert done.returncode == 0, f"{text}: {done.stderr}"

    def beside(self, *command: str) -> list[str]:
        """Return what runs a command of ours in its network."""
        return ["nsenter", f"--target={self.pid}", "--net", *command]

    def told(self, unit: str, fact: str) -> str:
        """Return what systemd says of a service."""
        return self.run("systemctl", "show", unit, f"--property={fact}", "--value").stdout.strip()

    def log(self, unit: str) -> str:
        return self.run("journalctl", f"--unit={unit}", "--no-pager", "--output=cat").stdout

    def workers(self, unit: str) -> str:
        """Return the process ids of the workers, as the machine sees them."""
        main = self.told(unit, "MainPID")
        return self.run("cat", f"/proc/{main}/task/{main}/children").stdout.strip()


def missing() -> str | None:
    """Return what is missing here to boot one."""
    if os.geteuid() != 0:
        return "root"
    tools = ("debootstrap", "systemd-nspawn", "nsenter")
    return ", ".join(tool for tool in tools if shutil.which(tool) is None) or None


@contextmanager
def booted(root: Path, log_path: Path) -> Iterator[Machine | None]:
    """Boot a machine, without a network; None if it does not come up: not every kernel lets it."""
    command = ["systemd-nspawn", f"--directory={root}", "--register=no", "--keep-unit",
               "--private-network", "--console=pipe", "--boot"]  # fmt: skip
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually(lambda: process.poll() is not None or first_of(process.pid) > 0, within_s=20)
        machine = Machine(root, first_of(process.pid))
        is_up = process.poll() is None and _is_up(machine, process)
        yield machine if is_up else None
        if is_up:
            machine.run("systemctl", "poweroff")
            process.wait(60)
    finally:
        if process.poll() is None:
            if first := first_of(process.pid):
                os.kill(first, signal.SIGKILL)  # and with it all of the machine
            process.kill()
        process.wait()


def first_of(pid: int) -> int:
    """Return, of all that a process has started, what is the first in a space of its own; or 0."""
    for child in map(int, _read(pid, f"task/{pid}/children").split()):
        status = _read(child, "status")
        if "\nName:\tsystemd\n" in f"\n{status}" and re.search(r"^NSpid:.*\t1$", status, re.M):
            return child
        if found := first_of(child):
            return found
    return 0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:  # it has ended
        return ""


def _is_up(machine: Machine, process: subprocess.Popen[bytes]) -> bool:
    def has_ended_or_is_up() -> bool:
        state = machine.run("systemctl", "is-system-running").stdout.strip()
        return process.poll() is not None or state in ("running", "degraded")

    try:
        eventually(has_ended_or_is_up, SECONDS_TO_BOOT)
    except AssertionError:
        return False
    return process.poll() is None
