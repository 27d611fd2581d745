"""Rows G13, G14, G15, G16, G21: the operators' plane, what is said of errors, and safe defaults."""

import json
import os
import socket
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from bpx.access.keys import digest_of
from tests.canaries import MARK, secrets_in
from tests.faults.abuse import rest_of
from tests.faults.exchange import reply
from tests.faults.stage import NOWHERE, staged
from tests.proxy import ROOT, bare_environment, free_port
from tests.security.conftest import BOT, OPS, OTHER, READER, Guarded, keys_file
from tests.upstream.wire_server import Answer, Then
from tests.waiting import eventually

READS = ["/status", "/logs", "/memory", "/log-level", "/", "/debug/pprof/",
         "/debug/pprof/goroutine?debug=1"]  # fmt: skip
FOR_ALL = ["/metrics", "/live", "/health"]
CHANGES = [("PUT", "/log-level", {"level": "trace"}), ("POST", "/cache/clear", {})]
ACCOUNT = "/api/v3/account?timestamp=1&signature=abc"


def own_address() -> str:
    """Return an address of this machine that is not loopback; skip without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
        except OSError:
            pytest.skip("this machine has no other address than loopback")
        return str(probe.getsockname()[0])


def test_g15_what_changes_a_running_proxy_needs_the_operators_scope(guarded: Guarded):
    for method, path, content in CHANGES:
        for key in (None, BOT, READER):
            refused = guarded.operate(path, key, method, json=content)
            assert (refused.status_code, refused.headers["X-Proxy-Error"]) == (403, "scope"), path
        assert guarded.operate(path, OPS, method, json=content).status_code == 200
        wrong = guarded.operate(path, "wrong", method, json=content)
        assert wrong.status_code in (401, 429)


@pytest.mark.parametrize("path", [*READS, *FOR_ALL])
def test_g15_no_read_changes_anything_nor_does_a_page_of_another_site(guarded: Guarded, path):
    before = guarded.operate("/log-level", OPS).json()["level"]
    assert guarded.operate(path, OPS).status_code == 200
    assert guarded.operate("/log-level?level=error", OPS).json()["level"] == before
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        form = guarded.operate(path, OPS, method, data={"level": "error"})
        assert form.status_code in (404, 405, 415)
    assert guarded.operate("/log-level", OPS).json()["level"] == before


def test_g15_from_elsewhere_only_what_is_for_everybody_and_by_the_scope_the_rest(tmp_path: Path):
    address, operators = own_address(), free_port()
    env = {
        "BPX_SERVER_HOST": "0.0.0.0",
        "BPX_FEAT_METRICS_PORT": str(operators),
        "BPX_SECURITY_KEYS_FILE": str(keys_file(tmp_path)),
        "BPX_FEAT_ENABLE_PPROF": "true",
        "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
    }
    with staged(env, with_key=BOT):
        url = f"http://{address}:{operators}"
        for path in FOR_ALL:
            assert requests.get(url + path, timeout=20).status_code == 200
        for path in [*READS, "/nothing"]:
            assert requests.get(url + path, timeout=20).status_code == 403, path
            for key, status in ((BOT, 403), (OPS, 404 if path == "/nothing" else 200)):
                headers = {"X-BPX-API-Key": key}
                answer = requests.get(url + path, headers=headers, timeout=20)
                assert answer.status_code == status, path


def test_g15_a_page_whose_name_was_made_ours_sees_nothing(guarded: Guarded):
    for host, status in {"evil.example": 403, "localhost:1": 200, "127.0.0.1:1": 200}.items():
        assert guarded.operate("/status", headers={"Host": host}).status_code == status
    assert guarded.operate("/status", OPS, headers={"Host": "evil.example"}).status_code == 200


def test_g15_by_default_there_is_no_such_port_and_no_profile():
    with (
        staged({"BPX_FEAT_ENABLE_METRICS": "false"}) as stage,
        pytest.raises(requests.ConnectionError),
    ):
        requests.get(f"{stage.proxy.operators_url}/metrics", timeout=20)
    with staged() as stage:
        for path in ("/debug/pprof/", "/memory"):
            assert requests.get(stage.proxy.operators_url + path, timeout=20).status_code == 404
        for url in stage.proxy.urls:
            told = requests.get(f"{url}/metrics", timeout=20)
            assert told.headers["Data-Source"] == "upstream", "a market's port has no such page"


@dataclass
class Started:
    """What a server said until it ended, or had begun to listen and was told to stop."""

    code: int
    said: str


def start(env: dict[str, str], *args: str) -> Started:
    """Start a server of the spot market; what does start is told to stop at once."""
    nowhere = {
        "BPX_UPSTREAM_SPOT_REST": f"http://{NOWHERE}",
        "BPX_UPSTREAM_SPOT_WS": f"ws://{NOWHERE}",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", *args, "wsgi:spot"],
        cwd=ROOT, env=bare_environment() | nowhere | env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = ""
    with server:
        assert server.stdout is not None
        for line in server.stdout:
            said += line
            if "spot on http" in line:
                server.terminate()
    return Started(server.returncode, said)


def test_g16_a_fresh_start_listens_on_loopback_alone():
    port = free_port()
    done = start({"BPX_SERVER_PORT_SPOT": str(port)})
    assert f"http://127.0.0.1:{port}" in done.said
    assert "everybody who reaches" not in done.said


@pytest.mark.parametrize("args", [[], ["-b", "0.0.0.0:{}"]])
def test_g16_in_production_open_doors_are_refused_unless_they_are_meant(tmp_path: Path, args):
    port = str(free_port())
    args = [one.format(port) for one in args]
    env = {"BPX_ENV": "production", "BPX_SERVER_PORT_SPOT": port}
    if not args:
        env["BPX_SERVER_HOST"] = "0.0.0.0"
    done = start(env, *args)
    assert done.code == 2
    assert len(done.said.strip().splitlines()) == 1
    assert "in production" in done.said
    for meant in (
        {"BPX_SECURITY_ALLOW_OPEN": "true"},
        {"BPX_SECURITY_ALLOW": "10.0.0.0/8"},
        {"BPX_SECURITY_KEYS_FILE": str(keys_file(tmp_path))},
    ):
        done = start(env | meant, *args)
        assert f"0.0.0.0:{port}" in done.said
        assert done.code == 0


def test_g16_elsewhere_they_are_warned_of_at_the_start_and_on_the_page_of_health():
    with staged({"BPX_SERVER_HOST": "0.0.0.0"}) as stage:
        page = requests.get(f"{stage.proxy.operators_url}/health", timeout=20).json()
        assert len(page["warnings"]) == 1
        assert "everybody who reaches 0.0.0.0" in page["warnings"][0]
        assert page["warnings"][0] in stage.proxy.log()
    with staged() as stage:
        assert (
            requests.get(f"{stage.proxy.operators_url}/health", timeout=20).json()["warnings"] == []
        )


def test_g21_files_of_secrets_that_others_may_read_are_warned_of(tmp_path: Path):
    keys = keys_file(tmp_path)
    keys.chmod(0o644)
    with staged({"BPX_SECURITY_KEYS_FILE": str(keys)}, with_key=BOT) as stage:
        (warning,) = requests.get(f"{stage.proxy.operators_url}/health", timeout=20).json()[
            "warnings"
        ]
        assert "0600" in warning
        assert str(keys) in warning


def test_g21_secrets_are_on_no_command_line_and_echoed_nowhere(guarded: Guarded, capfd):
    row = f"bot data,public,signed {digest_of(BOT)}"
    env = bare_environment() | {"BPX_SECURITY_KEYS": row, "BPX_KEY": OPS}
    url = guarded.stage.proxy.operators_url
    for command in (
        ["config", "show"], ["config", "show", "--json"], ["config", "check"], ["--help"],
        ["status", "--url", url], ["status", "--json", "--url", url],
    ):  # fmt: skip
        done = subprocess.run([sys.executable, "-m", "bpx", *command], cwd=ROOT, env=env,
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert digest_of(BOT) not in said
        assert OPS not in said
    pids = [guarded.stage.proxy.pid, guarded.stage.worker()]
    lines = b" ".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)
    assert digest_of(BOT).encode() not in lines
    assert MARK.encode() not in lines


INJECTED = [
    "/api/v3/x?a=\x1b[31mred", "/api/v3/a\x1b", "/api/v3/x?\u2028", '/api/v3/"}{"level":"error"',
    "/api/v3/x%0d%0aERROR forged", "/api/v3/x%0aERROR%20forged", "/api/v3/x\x85",
]  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
def test_g13_no_request_writes_a_line_of_its_own_into_the_log(form: str):
    with staged({"BPX_LOG_LEVEL": "trace", "BPX_LOG_FORMAT": form}) as stage:
        for target in INJECTED:
            for name, value in (("User-Agent", target), ("X-MBX-APIKEY", target), ("Host", target)):
                head = f"GET {target} HTTP/1.1\r\n{name}: {value}\r\nConnection: close\r\n\r\n"
                with socket.create_connection(stage.proxy.address, timeout=20) as client:
                    client.sendall(head.encode("utf-8"))
                    rest_of(client)
        stage.spot.ask("/api/v3/time")
        log = stage.proxy.log()
    assert "\x1b" not in log
    assert "\u2028" not in log
    assert not [line for line in log.splitlines() if line.startswith("ERROR")]
    if form == "json":
        lines = [line for line in log.splitlines() if line.startswith("{")]
        assert len(lines) > 5
        assert all(isinstance(json.loads(line), dict) for line in lines)


FAULTS = {
    "reset": Answer(b"", Then.RESET),
    "nonsense": Answer(b"nonsense\r\n\r\n", Then.CLOSE),
    "half": Answer(reply(b'{"a":1}')[:-3], Then.CLOSE),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_g14_an_error_says_nothing_of_us(guarded: Guarded, fault: str):
    guarded.stage.exchange.talk = lambda hit: FAULTS[fault]
    for method, target in (
        ("GET", "/api/v3/avgPrice?symbol=A"), ("POST", "/api/v3/order?signature=a"),
        ("GET", ACCOUNT), ("GET", "/none"),
    ):  # fmt: skip
        answer = guarded.ask(target, BOT, method)
        assert answer.status_code >= 500
        assert set(answer.json()) == {"code", "msg"}
        assert answer.headers["Content-Type"].startswith("application/json")
        said = (answer.text + str(answer.headers)).lower()
        for word in ("traceback", "gunicorn", "werkzeug", "flask", "python", "urllib3", ".py"):
            assert word not in said


def entries(guarded: Guarded) -> list[dict[str, object]]:
    """Return what has been written to the end of its line."""
    whole = guarded.audit.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def test_the_audit_log_says_who_did_what_and_never_a_secret(guarded: Guarded):
    headers = {"X-MBX-APIKEY": f"their-{MARK}-key"}
    guarded.ask(
        "/api/v3/order?signature=canary-signature", BOT, "POST", headers=headers, data="a=b"
    )
    guarded.stage.exchange.talk = lambda hit: Answer(b"", Then.RESET)
    guarded.ask("/api/v3/order?signature=canary-signature", OTHER, "POST", headers=headers)
    guarded.stage.exchange.mend()
    guarded.ask("/sapi/v1/capital/withdraw/apply?signature=canary", BOT, "POST", headers=headers)
    guarded.ask(ACCOUNT, READER)
    guarded.operate("/cache/clear", OPS, "POST", json={})
    guarded.operate("/cache/clear", BOT, "POST", json={})

    def all_there() -> bool:
        events = [(one["event"], one.get("client")) for one in entries(guarded)]
        operators = {("operator", "ops"), ("operator", "bot")}
        calls = {("signed call", "bot"), ("signed call", "other")}
        return operators | calls <= set(events)

    eventually(all_there)
    seen = entries(guarded)
    calls = [one for one in seen if one["event"] == "signed call" and one.get("key")]
    by_client = {one["client"]: one for one in calls}
    assert by_client["bot"]["outcome"] == "sent-ok"
    assert by_client["other"]["outcome"] == "sent-unknown"
    assert (
        by_client["bot"]["key"] == by_client["other"]["key"] == digest_of(f"their-{MARK}-key")[:8]
    )
    refusals = {
        (one["why"], one["path"]) for one in seen if one["event"] == "refused" and "why" in one
    }
    assert {("path", "/sapi/v1/capital/withdraw/apply"), ("scope", "/api/v3/account")} <= refusals
    operators = [(one.get("client"), one["status"]) for one in seen if one["event"] == "operator"]
    assert ("ops", 200) in operators
    assert ("bot", 403) in operators
    text = guarded.audit.read_text()
    assert secrets_in(text) == []
    assert "signature" not in text
    assert stat.S_IMODE(os.stat(guarded.audit).st_mode) & 0o007 == 0


def test_a_call_that_binance_never_got_is_noted_as_such(guarded: Guarded, tmp_path: Path):
    audit = tmp_path / "audit"
    with staged({"BPX_SECURITY_AUDIT_FILE": str(audit)}, urls=f"http://{NOWHERE}") as stage:
        assert stage.spot.ask("/api/v3/order?signature=x", "POST").status == 503
        eventually(lambda: "not-sent" in audit.read_text())


def test_an_audit_log_that_cannot_be_written_ends_the_start(tmp_path: Path):
    done = start(
        {"BPX_SECURITY_AUDIT_FILE": "/nowhere/audit", "BPX_SERVER_PORT_SPOT": str(free_port())}
    )
    assert done.code == 2
    assert "--security.audit-file" in done.said
