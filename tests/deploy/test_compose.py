"""The Compose file is valid, and its parts fit together."""

import re
import shutil
import subprocess
from os import environ
from typing import Any

import pytest
import yaml

from bpx.settings import load
from bpx.settings.reading import unknown_variables
from tests.deploy.dashboard import DASHBOARD, SOURCE
from tests.proxy import ROOT

FOLDER = ROOT / "deploy" / "compose"
FILE = FOLDER / "compose.yaml"
TEXT = FILE.read_text()
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
PROXY = SERVICES["proxy"]
COMPOSE = shutil.which("docker-compose")
PROMTOOL = shutil.which("promtool")
SECONDS_TO_END = 8
MB = 2**20
OWN = {"BPX_VERSION"}  # asked for by the file itself: of the image


def options() -> dict[str, str]:
    """Return the variables that the proxy gets."""
    lines = (FOLDER / PROXY["env_file"]).read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    return given | dict.fromkeys(PROXY["environment"], "")


def seconds(text: str) -> int:
    """Return a duration that is written as 45s."""
    return int(text.removesuffix("s"))


def mounts(service: str) -> dict[str, str]:
    """Return what a service sees of this checkout: where -> what."""
    rows = [row.split(":") for row in SERVICES[service]["volumes"]]
    return {row[1]: row[0] for row in rows if row[0].startswith(".")}


@pytest.mark.skipif(COMPOSE is None, reason="there is no docker-compose (Debian has it)")
def test_compose_understands_the_file() -> None:
    found = subprocess.run(
        [COMPOSE or "", "-f", str(FILE), "config", "--quiet"],
        capture_output=True, text=True, env=environ | {"GRAFANA_PASSWORD": "a"},
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")


def test_what_is_set_are_options_of_bpx() -> None:
    assert unknown_variables(options()) == []
    load([], options())


def test_what_has_to_be_set_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    lines = (FOLDER / ".env.example").read_text().splitlines()
    shown = {line.partition("=")[0] for line in lines if line and line[0] != "#"}
    assert asked <= shown
    ours = dict.fromkeys(asked - OWN, "")
    assert unknown_variables(ours) == []


def test_every_image_has_a_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    assert [
        image for image in images if not re.search(r":(v?\d+\.\d+\.\d+|\$\{.*\})$", image)
    ] == []


def test_all_ports_are_open_to_this_machine_alone() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_ports_of_the_proxy_are_those_of_its_options() -> None:
    settings = load([], options())
    inside = [int(port.rpartition(":")[2]) for port in PROXY["ports"]]
    assert inside == [settings.port_spot, settings.port_futures, settings.operators_port("both")]


def test_its_health_is_asked_of_the_operators_port_by_what_the_image_has() -> None:
    check = PROXY["healthcheck"]
    assert check["test"][:3] == ["CMD", "python", "-c"]
    compile(check["test"][3], "healthcheck", "exec")
    assert f":{load([], options()).operators_port('both')}/ready" in check["test"][3]
    assert seconds(check["timeout"]) > 5


def test_it_has_time_to_end_and_a_quarter_more_memory_than_its_option() -> None:
    settings = load([], options())
    assert seconds(PROXY["stop_grace_period"]) > settings.shutdown_timeout_s + SECONDS_TO_END
    limits = PROXY["deploy"]["resources"]["limits"]
    assert limits == {"memory": "512M", "cpus": "1.0"}
    assert settings.max_memory_mb * 1.25 <= 512


def test_it_has_no_privileges() -> None:
    assert PROXY["read_only"] is True
    assert PROXY["cap_drop"] == ["ALL"]
    assert PROXY["security_opt"] == ["no-new-privileges:true"]
    assert PROXY["user"] == "1000:1000"


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_what_is_mounted_exists(service: str) -> None:
    assert [what for what in mounts(service).values() if not (FOLDER / what).exists()] == []


def test_volumes_are_declared() -> None:
    used = {row.split(":")[0] for one in SERVICES.values() for row in one.get("volumes", ())}
    named = {name for name in used if not name.startswith(".")}
    assert named == set(yaml.safe_load(TEXT)["volumes"])


def test_prometheus_scrapes_the_proxy_under_the_name_that_alerts_want() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    port = load([], options()).operators_port("both")
    assert job == {"job_name": "bpx", "static_configs": [{"targets": [f"proxy:{port}"]}]}
    assert set(config["rule_files"]) <= set(mounts("prometheus"))
    told = next(word for word in SERVICES["prometheus"]["command"] if "config.file" in word)
    assert told.partition("=")[2] in mounts("prometheus")


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool (Debian's prometheus has it)")
def test_prometheus_takes_its_configuration() -> None:
    found = subprocess.run(
        [PROMTOOL or "", "check", "config", "--syntax-only", str(FOLDER / "prometheus.yml")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    seen = mounts("grafana")
    (source,) = yaml.safe_load(SOURCE.read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    provided = FOLDER / seen["/etc/grafana/provisioning"] / "dashboards" / "bpx.yml"
    (provider,) = yaml.safe_load(provided.read_text())["providers"]
    folder = seen[provider["options"]["path"]]
    assert (FOLDER / folder / DASHBOARD.name).resolve() == DASHBOARD
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{DASHBOARD.name}"
