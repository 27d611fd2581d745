"""A proxy and the exchange behind it agree; an exchange that lies is found out."""

import json
from collections.abc import Iterator

import pytest

from bpx.cli import verify
from bpx.simulator.faults import RestFault
from bpx.simulator.simulator import Simulator
from tests.faults.life import DEPTH, Life, living


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with living() as made:
        made.follow(DEPTH)
        yield made


def verified(
    proxy: str, against: str, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str]:
    args = ["spot", "--proxy", proxy, "--against", against, "--symbols", "BTCUSDT"]
    return verify.main([*args, *more]), capsys.readouterr().out


def test_a_proxy_says_what_the_exchange_says(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = verified(life.proxy.url, life.exchange.rest_url, capsys, "--json")
    verdicts = {one["target"]: one for one in json.loads(text)}
    assert code == 0, [one for one in verdicts.values() if one["verdict"] == "differs"]
    assert {one["verdict"] for one in verdicts.values()} <= {"ok", "moved"}
    assert verdicts["/api/v3/exchangeInfo"]["source"] == "cache"
    assert len(verdicts) == 5


def test_what_differs_is_named_by_row_and_field(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    target = "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=100"
    rows = json.loads(life.exchange.reply("GET", target).body)
    true_close, rows[50][4] = rows[50][4], "1.00000000"
    lie = RestFault("/api/v3/klines?symbol=BTCUSDT&interval=1h", status=200,
                    body=json.dumps(rows).encode())  # fmt: skip
    with Simulator("spot", start_ms=life.exchange.now_ms) as liar:
        liar.faults.break_rest(lie)
        code, text = verified(liar.rest_url, life.exchange.rest_url, capsys, "--json")
    assert code == 1
    (verdict,) = (one for one in json.loads(text) if one["target"] == target)
    closed = {"row": str(rows[50][0]), "field": "close"}
    found = [one for one in verdict["differences"] if closed.items() <= one.items()]
    assert [(one["ours"], one["theirs"]) for one in found] == [("1.00000000", true_close)]
    assert len(verdict["differences"]) <= 12, "of the last candle, which moves, and of none other"


@pytest.mark.parametrize("where", ["proxy", "against"])
def test_an_address_where_nobody_is_is_one_line(
    life: Life, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = {"proxy": life.proxy.url, "against": life.exchange.rest_url, where: "http://127.0.0.1:9"}
    args = [f"--{name}={url}" for name, url in urls.items()]
    assert verify.main(["spot", *args]) == 2
    assert "http://127.0.0.1:9/api/v3/exchangeInfo cannot be asked" in capsys.readouterr().err
