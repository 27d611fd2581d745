"""The command as it is run: a process of its own."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests
import websocket

from tests.simulator.recorded import RECORDED, needs_recordings

_RUN = "import sys; from bpx.cli.simulate import main; sys.exit(main(sys.argv[1:]))"


def command(*options):
    return [sys.executable, "-c", _RUN, "--spot-port", "0", "--futures-port", "0", *options]


@contextmanager
def simulate(*options, markets=2):
    """Run it; yield its variables; end it with SIGTERM, which has to give exit code 0."""
    with subprocess.Popen(command(*options), stdout=subprocess.PIPE, text=True) as process:
        try:
            words = [word for _ in range(markets) for word in process.stdout.readline().split()]
            yield dict(word.split("=", 1) for word in words)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0


def test_both_markets_are_served_and_their_variables_printed():
    with simulate() as urls:
        spot = requests.get(urls["BPX_UPSTREAM_SPOT_REST"] + "/api/v3/ping", timeout=20)
        futures = requests.get(urls["BPX_UPSTREAM_FUTURES_REST"] + "/fapi/v1/ping", timeout=20)
        assert (spot.json(), futures.json()) == ({}, {})
        stream = urls["BPX_UPSTREAM_FUTURES_WS"] + "/public/ws/btcusdt@bookTicker"
        client = websocket.create_connection(stream, timeout=20)
        assert '"s":"BTCUSDT"' in client.recv()
        client.shutdown()


def test_tls_prints_what_to_trust():
    with simulate("--tls") as urls:
        trust = urls["BPX_UPSTREAM_CA_FILE"]
        ping = urls["BPX_UPSTREAM_SPOT_REST"] + "/api/v3/ping"
        assert ping.startswith("https://")
        assert requests.get(ping, verify=trust, timeout=20).json() == {}


@needs_recordings
def test_a_recording_is_played_on_its_own_market():
    session = str(RECORDED / "cryptofeed" / "BINANCE_FUTURES")
    with simulate("--replay", session, "--speed", "2", markets=1) as urls:
        assert set(urls) == {"BPX_UPSTREAM_FUTURES_REST", "BPX_UPSTREAM_FUTURES_WS"}
        base = urls["BPX_UPSTREAM_FUTURES_REST"]
        info = requests.get(base + "/fapi/v1/exchangeInfo", timeout=20).json()
        assert len(info["symbols"]) == 122


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--replay", "no/such"], "--replay: no recording at"),
        (["--speed", "0"], "argument --speed"),
        (["--account", "key"], "argument --account"),
        (["--spot-port", "70000"], "argument --spot-port"),
    ],
)
def test_a_bad_option_ends_it_with_code_2_and_says_which(options, problem):
    ended = subprocess.run(command(*options), capture_output=True, text=True, timeout=50)
    assert ended.returncode == 2
    assert problem in ended.stderr
