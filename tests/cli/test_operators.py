"""The commands that ask a running proxy: of a real server, while things go wrong."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bpx.cli import cache, feeds, health, log_level, logs, status, weight
from bpx.simulator.faults import Refusal, RestFault
from tests.faults.life import DEPTH, TICKER, Life, living
from tests.waiting import eventually

COLOURS = "\x1b["
OPTIONS = {  # a connection that is lost is tried for again and again, and soon
    "BPX_WS_RECONNECT_DELAY": "50ms",
    "BPX_WS_MAX_RECONNECT_DELAY": "200ms",
    "BPX_WS_MAX_RECONNECTS": "1000",
}


@pytest.fixture(scope="module")
def whole() -> Iterator[Life]:
    with living(OPTIONS) as life:
        yield life


@pytest.fixture
def life(whole: Life) -> Life:
    whole.exchange.faults.clear()
    eventually(whole.answers, within_s=20)
    whole.follow(DEPTH, TICKER)
    return whole


Run = Callable[..., tuple[int, str]]
Until = Callable[..., str]
ASKING = [status, feeds, weight, health, cache, log_level, logs]


@pytest.fixture
def run(life: Life, capsys: pytest.CaptureFixture[str]) -> Run:
    def made(command: Any, *args: str) -> tuple[int, str]:
        code = command.main([*args, "--url", life.proxy.operators_url])
        return code, capsys.readouterr().out

    return made


@pytest.fixture
def until(run: Run) -> Until:
    """Run a command again and again, until the exit code and what is found are these."""

    def made(code: int, pattern: str, command: Any, *args: str) -> str:
        told = []

        def is_so() -> bool:
            told.append(run(command, *args))
            return told[-1][0] == code and re.search(pattern, told[-1][1], re.MULTILINE) is not None

        eventually(is_so, within_s=20)
        return told[-1][1]

    return made


def test_a_healthy_proxy_is_told_in_a_table(until: Until) -> None:
    text = until(0, r"^spot +ok ", status)
    assert COLOURS not in text, "this is no terminal"


def test_scripts_get_json(until: Until) -> None:
    for command in (status, feeds, weight, health):
        json.loads(until(0, "", command, "--json"))
    told = json.loads(until(0, r'"fresh": [2-9]', status, "--json"))
    assert told["markets"]["spot"]["states"]["fresh"] >= 2


def test_what_is_followed_is_listed(run: Run, until: Until) -> None:
    until(0, r"spot +BTCUSDT depth +depth +fresh", feeds)
    assert "ticker" not in run(feeds, "--kind", "depth")[1]
    assert run(feeds, "--market", "futures")[1].startswith("Nothing")
    assert len(json.loads(run(feeds, "--json", "--limit", "1")[1])) == 1


def test_data_that_is_stale_is_told_with_the_reason(life: Life, run: Run, until: Until) -> None:
    life.exchange.faults.refuse_handshakes(Refusal(503))
    life.exchange.drop_connections()
    until(1, "", feeds)
    until(1, "BTCUSDT depth", feeds, "--state", "disconnected")
    eventually(lambda: "disconnected" in run(status)[1])
    until(1, "failures in a row|refused", health)
    assert run(health, "--ready")[0] == 0, "REST answers"


def test_what_eats_the_weight_is_told(life: Life, run: Run) -> None:
    assert life.ask("/api/v3/depth?symbol=BTCUSDT&limit=1000").status_code == 200
    code, text = run(weight)
    assert code == 0
    assert re.search(r"spot: \d[\d,]* of 6,000 in this minute", text)
    assert re.search(r"127\.0\.0\.1 +\d+", text)
    eventually(lambda: "public" in run(weight)[1], within_s=20)


def test_why_a_request_was_slow_is_told(life: Life, run: Run) -> None:
    slow = RestFault("/api/v3/historicalTrades", status=200, body=b"[]", delay_s=1.1)
    life.exchange.faults.break_rest(slow, times=1)
    life.ask("/api/v3/historicalTrades?symbol=BTCUSDT")
    text = run(status)[1]
    waited = r"took (\d+\.\d) s: \d+(?:\.\d)? m?s until it could go"
    found = re.search(rf"spot: /api/v3/historicalTrades {waited}", text)
    assert found is not None, text
    assert float(found[1]) >= 1.1
    page = life.operators("/metrics").text
    assert re.search(r'bpx_upstream_seconds_sum{kind="public",market="spot"} [1-9]', page)


def test_a_hold_is_told_and_is_the_exit_code(life: Life, run: Run) -> None:
    ban = RestFault("/api/v3/trades", status=418, body=b"{}", headers={"Retry-After": "6"})
    life.exchange.faults.break_rest(ban, times=1)
    life.ask("/api/v3/trades?symbol=BTCUSDT")
    code, text = run(weight)
    assert (code, "Binance wants no request for" in text) == (1, True)
    assert "Binance said 418" in run(status)[1], "among what happened last"


def test_the_cache_is_cleared(life: Life, run: Run) -> None:
    code, text = run(cache, "clear")
    assert code == 0
    assert re.search(r"spot +depth +1", text)
    assert json.loads(run(cache, "clear", "--json")[1])["spot"]["depth"] == 0


def test_the_level_of_the_log_is_shown_set_and_goes_back(run: Run) -> None:
    assert run(log_level)[1] == "info\n"
    assert re.fullmatch(r"debug, for .*, then info\n", run(log_level, "debug", "--for", "10m")[1])
    assert run(log_level, "info")[1] == "info\n"


def test_a_time_that_is_none_is_refused(life: Life, capsys: pytest.CaptureFixture[str]) -> None:
    url = life.proxy.operators_url
    assert log_level.main(["debug", "--for", "soon", "--url", url]) == 2
    assert "--for accepts a time such as" in capsys.readouterr().err


def test_what_was_logged_is_told(run: Run) -> None:
    code, text = run(logs, "stats")
    assert code == 0
    assert text.startswith("to stdout, from info on")
    assert re.search(r"written +info +\d", text)


@pytest.mark.parametrize("command", ASKING)
def test_a_proxy_that_is_not_there_is_one_line(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {cache: ["clear"], logs: ["stats"]}.get(command, [])
    assert command.main([*first, "--url", "http://127.0.0.1:9"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("bpx: http://127.0.0.1:9 cannot be reached")
    assert told.count("\n") == 1


def test_a_port_of_a_market_is_not_that_of_operators(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.main(["--url", life.proxy.url]) == 2
    assert "bpx: " in capsys.readouterr().err
    assert status.main(["--url", "here"]) == 2
    assert "is no address" in capsys.readouterr().err


def test_it_is_watched_until_it_is_interrupted(
    life: Life, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def until_twice(seconds: float) -> None:
        shown.append(seconds)
        if len(shown) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(status, "sleep", until_twice)
    assert status.main(["--watch", "0.5", "--url", life.proxy.operators_url]) == 130
    assert shown == [0.5, 0.5]
    assert "spot" in capsys.readouterr().out
