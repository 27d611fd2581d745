import json
import subprocess
import sys

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


def test_one_market_never_starts_the_other() -> None:
    code = """
import json
seen = [list(made)]
for name in ("spot", "spot", "futures", "both"):
    made.clear()
    getattr(wsgi, name)
    seen.append(list(made))
print(json.dumps(seen))
print(len(shared), hasattr(wsgi, "margin"), wsgi.spot.has_operators)
"""
    made, others = run(code).splitlines()
    assert json.loads(made) == [[], ["spot"], [], ["futures"], ["spot", "futures"]]
    # Spot, futures, and both together, which share the places for attempts to connect.
    assert others == "3 False False"


def test_a_disabled_market_is_not_made_and_operators_have_a_port_if_metrics_are_enabled() -> None:
    code = "wsgi.both; print(made, wsgi.both.has_operators)"
    env = {"BPX_DISABLE_SPOT": "true", "BPX_FEAT_ENABLE_METRICS": "true"}
    assert run(code, **env) == "['futures'] True\n"


def test_each_market_has_its_port() -> None:
    code = "print(wsgi.both({'SERVER_PORT': '9'}, None), wsgi.both({'SERVER_PORT': '8091'}, None))"
    assert run(code, BPX_SERVER_PORT_SPOT="9") == "[b'spot'] [b'futures']\n"
