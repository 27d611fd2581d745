"""The manifests are valid, and say what the specification and the options want."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bpx.server.cautions import cautions
from bpx.settings import load
from bpx.settings.reading import unknown_variables
from bpx.streams.connects import MOST, WINDOW_S
from tests.deploy.manifests import CLOUDS, FOLDER, OVERLAYS, built, container, one, options, pod

VERSIONS = ("1.25", "1.37")  # the oldest that clouds may still have, and the newest that is known
SECONDS_TO_END = 8  # after the requests under way: to say good-bye to the exchange, and to exit
CONNECTS_OF_AN_ADDRESS, WITHIN_S = 300, 300  # Binance's limit
MB = 2**20
ANNOTATIONS = {  # of the load balancer, and of the account that is somebody in the cloud
    "aws": ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal",
            "eks.amazonaws.com/role-arn"),
    "gcp": ("networking.gke.io/load-balancer-type", "Internal", "iam.gke.io/gcp-service-account"),
    "azure": ("service.beta.kubernetes.io/azure-load-balancer-internal", "true",
              "azure.workload.identity/client-id"),
}  # fmt: skip

every = pytest.mark.parametrize("name", OVERLAYS)
every_cloud = pytest.mark.parametrize("name", CLOUDS)


# Are they valid?


@pytest.mark.parametrize("version", VERSIONS)
@every
def test_every_resource_is_what_kubernetes_takes(name: str, version: str, tmp_path: Path) -> None:
    made = tmp_path / f"{name}.yaml"
    made.write_text(built(f"overlays/{name}"))
    found = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(made)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("INFO") >= 5, "it has looked at all of them"


def test_the_service_monitor_finds_the_service_and_its_port() -> None:
    spec = yaml.safe_load(built("monitor"))["spec"]
    service = one("aws", "Service", "bpx")
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    ports = {port["name"] for port in service["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in spec["endpoints"]} <= ports
    (rule,) = spec["selector"]["matchExpressions"]
    assert rule["operator"] == "DoesNotExist"
    assert rule["key"] in one("aws", "Service", "bpx-internal")["metadata"]["labels"]


@every
def test_names_and_labels_fit_together(name: str) -> None:
    labels = one(name, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one(name, "Deployment")["spec"]["selector"]["matchLabels"],
        one(name, "Service", "bpx")["spec"]["selector"],
        one(name, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(name, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    (source,) = container(name)["envFrom"]
    assert source["configMapRef"]["name"] == one(name, "ConfigMap")["metadata"]["name"]
    assert pod(name)["serviceAccountName"] == one(name, "ServiceAccount")["metadata"]["name"]


# Options


@every
def test_what_is_set_are_options_that_open_no_door(name: str) -> None:
    variables = options(name) | {row["name"]: "" for row in container(name)["env"]}
    assert unknown_variables(variables) == []
    assert cautions(load([], options(name))) == []


@every
def test_the_ports_are_those_of_the_options(name: str) -> None:
    settings = load([], options(name))
    ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
    assert ports == {
        "spot": settings.port_spot,
        "futures": settings.port_futures,
        "operators": settings.operators_port("both"),
    }
    service = one(name, "Service", "bpx")["spec"]["ports"]
    assert {port["targetPort"]: port["port"] for port in service} == ports
    notes = one(name, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert notes["prometheus.io/port"] == str(ports["operators"])


@every
def test_memory_has_a_quarter_more_than_the_option(name: str) -> None:
    limit = container(name)["resources"]["limits"]["memory"]
    assert limit == "256Mi"
    assert load([], options(name)).max_memory_mb * MB * 1.25 <= 256 * MB


@every
def test_there_is_time_to_finish_what_is_under_way(name: str) -> None:
    command = container(name)["lifecycle"]["preStop"]["exec"]["command"]
    pause = re.fullmatch(r"import time; time.sleep\((\d+)\)", command[-1])
    assert pause is not None
    needed_s = int(pause[1]) + load([], options(name)).shutdown_timeout_s + SECONDS_TO_END
    assert pod(name)["terminationGracePeriodSeconds"] > needed_s


# The specification's probes and resources


@every
def test_the_probes_are_the_specifications(name: str) -> None:
    found = {
        kind: (probe["httpGet"]["path"], *(probe[name] for name in PROBE_TIMES))
        for kind, probe in container(name).items()
        if kind.endswith("Probe")
    }
    assert found == {
        "startupProbe": ("/health", 10, 10, 5, 30),
        "livenessProbe": ("/live", 30, 10, 5, 3),
        "readinessProbe": ("/ready", 5, 5, 3, 3),
    }


PROBE_TIMES = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name != "scaled"])
def test_the_resources_are_the_specifications(name: str) -> None:
    assert container(name)["resources"] == {
        "requests": {"memory": "128Mi", "cpu": "100m"},
        "limits": {"memory": "256Mi", "cpu": "500m"},
    }


# What it may do


@every
def test_it_runs_without_privileges_and_writes_only_where_it_must(name: str) -> None:
    of_pod, of_container = pod(name)["securityContext"], container(name)["securityContext"]
    assert (of_pod["runAsUser"], of_pod["runAsNonRoot"]) == (1000, True)
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert of_container == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {row["name"] for row in pod(name)["volumes"] if "emptyDir" in row}
    mounts = {row["mountPath"]: row["name"] for row in container(name)["volumeMounts"]}
    assert set(mounts) == {"/var/log/bpx", "/dev/shm"}
    assert set(mounts.values()) == volumes
    assert pod(name)["automountServiceAccountToken"] is False


@every
def test_the_network_is_open_for_bots_prometheus_names_and_binance_alone(name: str) -> None:
    spec = one(name, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] and rule["ports"] for rule in spec["ingress"])
    assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == {
        8090,
        8091,
        8092,
    }
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {53, 443, 9443}


# How many there are


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name != "scaled"])
def test_one_replica_has_the_whole_limit(name: str) -> None:
    assert one(name, "Deployment")["spec"]["replicas"] == 1
    assert load([], options(name)).weight_share == 1.0


def test_as_many_replicas_as_there_may_be_have_no_more_than_the_limit_together() -> None:
    most = one("scaled", "HorizontalPodAutoscaler")["spec"]["maxReplicas"]
    deployment = one("scaled", "Deployment")["spec"]
    assert "replicas" not in deployment, "the autoscaler says how many"
    most += deployment["strategy"]["rollingUpdate"]["maxSurge"]
    assert most * load([], options("scaled")).weight_share <= 1
    assert most * MOST <= CONNECTS_OF_AN_ADDRESS
    assert WINDOW_S == WITHIN_S


def test_it_scales_as_the_specification_says() -> None:
    spec = one("scaled", "HorizontalPodAutoscaler")["spec"]
    assert spec["minReplicas"] == 2
    uses = {row["resource"]["name"]: row["resource"]["target"] for row in spec["metrics"]}
    assert {name: target["averageUtilization"] for name, target in uses.items()} == {
        "cpu": 70, "memory": 80,
    }  # fmt: skip
    behavior = {
        way: (rule["stabilizationWindowSeconds"], [(one["value"], one["periodSeconds"])
              for one in rule["policies"]])
        for way, rule in spec["behavior"].items()
    }  # fmt: skip
    assert behavior == {"scaleUp": (60, [(50, 60)]), "scaleDown": (300, [(25, 60)])}


@every
def test_nodes_can_be_drained(name: str) -> None:
    assert one(name, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


# The clouds


@every_cloud
def test_the_load_balancer_is_internal_and_leads_to_the_markets_alone(name: str) -> None:
    service = one(name, "Service", "bpx-internal")
    key, value, _ = ANNOTATIONS[name]
    assert service["metadata"]["annotations"][key] == value
    assert service["spec"]["type"] == "LoadBalancer"
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {"spot", "futures"}


@every_cloud
def test_the_account_is_somebody_in_the_cloud(name: str) -> None:
    assert ANNOTATIONS[name][2] in one(name, "ServiceAccount")["metadata"]["annotations"]


@every_cloud
def test_pods_run_only_where_the_egress_address_is_a_fixed_one(name: str) -> None:
    assert "nodeSelector" in pod(name) or "nodeAffinity" in pod(name)["affinity"]


def test_the_page_names_every_overlay() -> None:
    page = (FOLDER / "README.md").read_text()
    assert all(f"overlays/{name}" in page for name in OVERLAYS)
