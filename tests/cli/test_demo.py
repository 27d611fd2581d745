import hmac
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import pytest
import requests

from bpx.cli import smoke
from bpx.cli.demo import HELP, main
from bpx.cli.simulate import ACCOUNT
from tests.proxy import ROOT, free_port, running, wait_for_server


@dataclass(frozen=True)
class Demo:
    spot_port: int
    futures_port: int


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`make demo`, on free ports."""
    spot, futures = free_port(), free_port()
    log = tmp_path_factory.mktemp("demo") / "log"
    command = [sys.executable, "-m", "bpx", "demo", "-p", str(spot), "-t", str(futures)]
    with running(command, {}, log) as process:
        wait_for_server(spot, process, log)
        wait_for_server(futures, process, log)
        yield Demo(spot, futures)


def readme(language: str) -> str:
    """Return the README's example in a language."""
    match = re.search(rf"```{language}\n(.*?)```", Path(ROOT / "README.md").read_text(), re.DOTALL)
    assert match is not None
    return match[1]


def test_every_endpoint_is_well(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    code = smoke.main(
        environ={
            "SPOT": f"http://127.0.0.1:{demo.spot_port}",
            "FUTURES": f"http://127.0.0.1:{demo.futures_port}",
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines[:-1] if not line.startswith("ok ")] == []
    assert code == 0
    assert lines[-1] == f"{len(smoke.CHECKS)} of {len(smoke.CHECKS)} endpoints are well"


def test_the_readme_s_ccxt_example_sends_everything_through_the_proxy(demo: Demo) -> None:
    """load_markets fails if one exchangeInfo is not to be had, and Binance's own is not here."""
    example = readme("python")
    example = example.replace("8090", str(demo.spot_port)).replace("8091", str(demo.futures_port))
    names: dict[str, Any] = {}
    exec(example, names)
    asked: list[str] = []
    exchange = names["exchange"]
    fetch = exchange.fetch
    exchange.fetch = lambda url, *rest: asked.append(url) or fetch(url, *rest)
    exchange.load_markets(reload=True)
    assert exchange.fetch_ticker("BTC/USDT")["symbol"] == "BTC/USDT"
    assert exchange.fetch_ticker("BTC/USDT:USDT")["symbol"] == "BTC/USDT:USDT"
    assert len(exchange.fetch_ohlcv("BTC/USDT:USDT", "5m", limit=20)) == 20
    exchange.session.close()
    assert len(asked) >= 5
    assert {url.partition(":")[2].split("/")[2].partition(":")[0] for url in asked} == {"127.0.0.1"}


def test_orders_can_be_tried_with_the_key_that_the_help_names(demo: Demo) -> None:
    key, secret = ACCOUNT
    assert f"the key {key!r} and the secret {secret!r}" in HELP
    query = f"timestamp={int(time() * 1000)}"
    signature = hmac.new(secret.encode(), query.encode(), "sha256").hexdigest()
    for port, path in (
        (demo.spot_port, "/api/v3/account"),
        (demo.futures_port, "/fapi/v3/account"),
    ):
        target = f"http://127.0.0.1:{port}{path}?{query}&signature={signature}"
        assert requests.get(target, headers={"X-MBX-APIKEY": key}, timeout=20).status_code == 200


def test_the_readme_s_freqtrade_example_has_what_ccxt_s_has() -> None:
    config = json.loads(readme("json"))["exchange"]
    urls = config["ccxt_config"]["urls"]["api"]
    names: dict[str, Any] = {}
    exec(readme("python").rpartition("exchange.")[0], names)
    assert config["enable_ws"] is False
    assert config["ccxt_config"]["options"]["fetchMarkets"] == {"types": ["spot"]}
    assert urls == {name: names["exchange"].urls["api"][name] for name in urls}
    assert set(urls) >= {"public", "fapiPublic", "fapiPublicV2", "fapiPublicV3", "fapiData", "sapi"}


def test_help_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m bpx demo")
