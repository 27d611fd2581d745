"""A real server with the options of each place answers what that place asks of it."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml

from bpx.simulator.simulator import Simulator
from tests.faults.life import options_for
from tests.proxy import ROOT, Proxy, running_proxy
from tests.settings.test_deployed import FILES, read
from tests.waiting import eventually

DEPLOYMENT = ROOT / "deploy" / "kubernetes" / "base" / "deployment.yaml"
COMPOSE = ROOT / "deploy" / "compose" / "compose.yaml"


@pytest.fixture(scope="module", params=FILES)
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    with (
        Simulator("spot") as exchange,
        running_proxy("spot", read(request.param) | options_for(exchange)) as made,
    ):
        yield made


def containers() -> list[dict[str, Any]]:
    """Return the containers of the pods."""
    spec = yaml.safe_load(DEPLOYMENT.read_text())["spec"]["template"]["spec"]
    made: list[dict[str, Any]] = spec["containers"]
    return made


def test_every_probe_is_answered(proxy: Proxy) -> None:
    (only,) = containers()
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        url = proxy.operators_url + only[kind]["httpGet"]["path"]
        eventually(lambda url=url: requests.get(url, timeout=20).status_code == 200, within_s=20)


def test_the_health_check_of_compose_succeeds(proxy: Proxy) -> None:
    check = yaml.safe_load(COMPOSE.read_text())["services"]["proxy"]["healthcheck"]["test"][3]
    command = check.replace("8092", proxy.operators_url.rpartition(":")[2])

    def succeeds(text: str = command) -> bool:
        return subprocess.run([sys.executable, "-c", text], capture_output=True).returncode == 0

    eventually(succeeds, within_s=20)
    assert not succeeds(command.replace("/ready", "/no-such-page"))


def test_nobody_has_to_be_warned(proxy: Proxy) -> None:
    assert "WARN" not in proxy.log().upper()
