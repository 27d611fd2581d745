"""How long a start takes: from exec to the first answer.

    python -m benchmarks.start [--rounds 7] [--json]

The reference beside it is Python that imports Flask, gunicorn's gevent worker and requests.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from statistics import median
from time import perf_counter, sleep

from tests.proxy import ROOT, bare_environment, free_port

WITHIN_S = 20.0
IMPORTS = "import flask, gunicorn.workers.ggevent, requests"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    options = parser.parse_args()
    pairs = [(_start_s(), _imports_s()) for _ in range(options.rounds)]
    row = {
        "start_s": round(median(ours for ours, _ in pairs), 2),
        "imports_s": round(median(theirs for _, theirs in pairs), 2),
        "ratio": round(median(ours / theirs for ours, theirs in pairs), 2),
    }
    if options.json:
        print(json.dumps(row, indent=2))
    else:
        print(
            "from exec to the first answer: {start_s} s; imports alone: {imports_s} s".format(**row)
        )
    return 0


def _start_s() -> float:
    """Start the spot market as the README says, with an exchange that cannot be reached."""
    port, operators_port = free_port(), free_port()
    env = bare_environment() | {
        "BPX_LOG_LEVEL": "error",
        "BPX_SERVER_PORT_SPOT": str(port),
        "BPX_FEAT_METRICS_PORT": str(operators_port),
        "BPX_UPSTREAM_SPOT_REST": "http://127.0.0.1:1",
        "BPX_UPSTREAM_SPOT_WS": "ws://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:spot"]
    began = perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        while not _answers(port):
            assert perf_counter() - began < WITHIN_S, "it did not start"
            sleep(0.002)
        return perf_counter() - began
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(WITHIN_S)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as client:
            client.sendall(b"GET /api/v3/depth?symbol=BTCUSDT HTTP/1.1\r\nHost: a\r\n\r\n")
            return client.recv(9) == b"HTTP/1.1 "
    except ConnectionError:
        return False


def _imports_s() -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, cwd=ROOT)
    return perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
