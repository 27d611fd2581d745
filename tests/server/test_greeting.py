import os

import gunicorn
import pytest

import bpx
from bpx.server.greeting import greeting
from bpx.settings import load

SPOT, FUTURES = "http://127.0.0.1:8090", "http://127.0.0.1:8091"


@pytest.mark.parametrize(
    ("markets", "addresses", "lines"),
    [
        (("spot", "futures"), [SPOT, FUTURES],
         [f"spot on {SPOT} for https://a.example, https://b.example",
          f"futures on {FUTURES} for https://fapi.binance.com"]),
        (("futures",), [SPOT, FUTURES],
         [f"futures on {SPOT} for https://fapi.binance.com",
          f"futures on {FUTURES} for https://fapi.binance.com"]),
    ],
)  # fmt: skip
def test_every_address_is_told_with_its_market_and_its_exchange(
    markets: tuple[str, ...], addresses: list[str], lines: list[str]
) -> None:
    settings = load(["--upstream.spot-rest=https://a.example,https://b.example"], {})
    assert greeting(markets, settings, None, addresses)[1:] == lines


@pytest.mark.parametrize(
    ("file", "told"), [("a.conf", "config file a.conf"), (None, "without a config file")]
)
def test_the_server_is_told_with_its_version_and_its_config_file(
    file: str | None, told: str
) -> None:
    line = (
        f"bpx {bpx.__version__} with gunicorn {gunicorn.__version__}, process {os.getpid()}, {told}"
    )
    assert greeting(("spot",), load([], {}), file, []) == [line]
