import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from bpx.cli import smoke


class Empty(BaseHTTPRequestHandler):
    """Answers everything with an empty list."""

    status, source = 200, "upstream"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Data-Source", self.source)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:
        pass


class Shut(Empty):
    """Answers as a proxy does to whoever shows no key."""

    status, source = 401, "proxy"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def empty_url() -> Iterator[str]:
    yield from served(Empty)


@pytest.fixture
def shut_url() -> Iterator[str]:
    yield from served(Shut)


def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_wrong_body_or_status_fails(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(environ={"SPOT": empty_url, "FUTURES": empty_url}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "FAIL spot    /api/v3/ping the body is of another shape: []" in lines
    assert "FAIL futures /fapi/v3/account status 200 instead of 401: []" in lines
    assert lines[-1] == f"0 of {len(smoke.CHECKS)} endpoints are well"


def test_a_proxy_that_wants_a_key_is_not_waited_for(
    shut_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Shut.asked.clear()
    assert smoke.main(environ={"SPOT": shut_url, "FUTURES": shut_url}) == 1
    assert len(Shut.asked) == len(smoke.CHECKS), "each is asked once"
    lines = capsys.readouterr().out.splitlines()
    wants = "the proxy wants a key of its own: name one in BPX_KEY"
    assert f"FAIL spot    /api/v3/account {wants}" in lines
    assert all(line.endswith(wants) for line in lines[:-1])


def test_a_proxy_that_is_not_there_fails(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "http://127.0.0.1:9"
    assert smoke.main(environ={"SPOT": nowhere, "FUTURES": nowhere}) == 1
    assert "no answer: curl: (7)" in capsys.readouterr().out


def test_every_market_s_four_cached_endpoints_are_asked() -> None:
    cached = {
        check.target.partition("?")[0]
        for check in smoke.CHECKS
        if check.source in ("websocket", "cache")
    }
    ends = ("klines", "depth", "ticker/24hr", "exchangeInfo")
    assert cached == {f"{path}/{end}" for path in ("/api/v3", "/fapi/v1") for end in ends}


def test_flags_say_where_the_proxy_is(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(["--spot", empty_url, "--futures=http://127.0.0.1:9"], environ={}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "FAIL spot    /api/v3/ping the body is of another shape: []" in lines
    assert [line for line in lines if "futures" in line and "no answer" not in line] == []


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        smoke.main(["--sopt", "x"], environ={})
    assert end.value.code == 2
    assert "--sopt" in capsys.readouterr().err


def test_scripts_get_json(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main(["--json"], environ={"SPOT": empty_url, "FUTURES": empty_url}) == 1
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(smoke.CHECKS)
    assert {"market": "spot", "target": "/api/v3/ping",
            "fault": "the body is of another shape: []"} in rows  # fmt: skip
