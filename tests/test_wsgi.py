import json
import subprocess
import sys

import pytest

from tests.proxy import ROOT, bare_environment

# The markets' application is replaced by one that only remembers what it was made for.
ASK = """
import sys, types
made, shared = [], set()
class House:
    def __init__(self, name):
        self.market = types.SimpleNamespace(name=name)
    def belongings(self):
        return types.SimpleNamespace(entries=list)
def create_app(market, settings, runtime, connects, memory, room):
    made.append(market)
    shared.add(connects)
    app = lambda environ, start_response: [market.encode()]
    app.extensions = {
        "bpx.registry": CollectorRegistry(), "bpx.house": House(market), "bpx.keys": None,
    }
    return app
sys.modules["bpx.app"] = types.ModuleType("bpx.app")
sys.modules["bpx.app"].create_app = create_app
import wsgi
from prometheus_client import CollectorRegistry
from gevent import monkey
assert monkey.is_module_patched("socket")
"""


def run(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ASK + code], cwd=ROOT, env=bare_environment() | env,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_nothing_is_made_until_it_is_asked_for() -> None:
    assert run("print(made)") == "[]\n"


@pytest.mark.parametrize(
    ("name", "made"),
    [("spot", ["spot"]), ("futures", ["futures"]), ("both", ["spot", "futures"])],
)
def test_one_market_never_starts_the_other(name: str, made: list[str]) -> None:
    code = f"import json; wsgi.{name}; wsgi.{name}; print(json.dumps(made))"
    assert json.loads(run(code)) == made


def test_both_markets_share_the_places_for_attempts_to_connect() -> None:
    assert run("wsgi.both; print(len(made), len(shared))") == "2 1\n"


def test_a_disabled_market_is_not_made() -> None:
    assert run("wsgi.both; print(made)", BPX_DISABLE_SPOT="true") == "['futures']\n"


def test_each_market_has_its_port() -> None:
    code = "print(wsgi.both({'SERVER_PORT': '9'}, None), wsgi.both({'SERVER_PORT': '8091'}, None))"
    assert run(code, BPX_SERVER_PORT_SPOT="9") == "[b'spot'] [b'futures']\n"


def test_operators_have_a_port_only_where_metrics_are_enabled() -> None:
    assert run("print(wsgi.spot.has_operators)") == "False\n"
    assert run("print(wsgi.spot.has_operators)", BPX_FEAT_ENABLE_METRICS="true") == "True\n"


def test_there_is_no_other_application() -> None:
    assert run("print(hasattr(wsgi, 'margin'))") == "False\n"
