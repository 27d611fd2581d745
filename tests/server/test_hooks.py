"""What gunicorn calls; each in a process of its own."""

import subprocess
import sys

from tests.proxy import ROOT

STOPPED_AT_BIRTH = """
import os, signal
from types import SimpleNamespace
from bpx.server.hooks import HOOKS

noted = []
signal.signal(signal.SIGTERM, lambda *_: noted.append("by the master"))
signal.alarm(40)
worker = SimpleNamespace(age=1)
told, tell = os.pipe()
HOOKS["pre_fork"](None, worker)
child = os.fork()
if not child:
    signal.alarm(30)
    os.read(told, 1)
    HOOKS["post_fork"](None, worker)
    signal.pause()
os.kill(child, signal.SIGTERM)
os.write(tell, b"!")
print(os.waitpid(child, 0)[1])
os.kill(os.getpid(), signal.SIGTERM)
print(*noted)
"""


def test_a_worker_that_is_told_to_stop_before_it_has_begun_stops() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_BIRTH],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout.splitlines() == ["0", "by the master"], done.stderr
