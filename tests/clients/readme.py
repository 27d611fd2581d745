"""The configurations that README.md prints: what users copy is what the tests use."""

import ast
import json
import re
from typing import Any

from tests.proxy import ROOT

Config = dict[str, Any]

SPOT, FUTURES = "http://127.0.0.1:8090", "http://127.0.0.1:8091"  # as README.md has them


def ccxt_snippet(spot_url: str, futures_url: str) -> str:
    """Return the Python of the ccxt chapter, for a proxy at these addresses."""
    return _block("python", spot_url, futures_url)


def ccxt_config(spot_url: str, futures_url: str) -> Config:
    """Return what the snippet gives to `ccxt.binance`."""
    tree = ast.parse(ccxt_snippet(spot_url, futures_url))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    config = next(call.args[0] for call in calls if ast.unparse(call.func) == "ccxt.binance")
    names = {"SPOT": spot_url, "FUTURES": futures_url}
    value: Config = eval(compile(ast.Expression(config), "README.md", "eval"), names)
    return value


def freqtrade_exchange(spot_url: str, futures_url: str) -> Config:
    """Return the `exchange` section of the freqtrade chapter."""
    section: Config = json.loads(_block("json", spot_url, futures_url))["exchange"]
    return section


def _block(language: str, spot_url: str, futures_url: str) -> str:
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"README.md has no {language} block"
    return found[1].replace(SPOT, spot_url).replace(FUTURES, futures_url)
