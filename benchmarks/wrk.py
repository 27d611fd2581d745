"""Load by wrk, in C, so that what is measured is the server."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

WRK = shutil.which("wrk")
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Run:
    """What wrk has seen: requests a second, and the latency that 99 of 100 had at most."""

    requests_per_s: float
    p99_ms: float


def wrk(url: str, connections: int, seconds: float, headers: Sequence[str] = ()) -> Run:
    """Ask for `url` as often as it is answered; every answer must be a 200."""
    assert WRK is not None, "wrk is not installed"
    command = [WRK, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "--timeout=10s"]
    for header in headers:
        command += ["-H", header]
    said = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors: connect 0, read 0, write 0, timeout 0" in said or (
        "Socket errors" not in said
    ), said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert rate is not None, said
    assert p99 is not None, said
    return Run(float(rate[1]), float(p99[1]) * _UNITS_MS[p99[2]])
