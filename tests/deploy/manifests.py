"""What `kubectl kustomize` makes of deploy/kubernetes."""

import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
import yaml

from tests.proxy import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("plain", "scaled", "aws", "gcp", "azure")
CLOUDS = ("aws", "gcp", "azure")
KUBECTL = shutil.which("kubectl")

Manifest = dict[str, Any]


@cache
def built(folder: str) -> str:
    """Return the text that would be applied; skip where there is no kubectl."""
    if KUBECTL is None:
        pytest.skip("there is no kubectl (Debian's kubernetes-client has it)")
    made = subprocess.run(
        [KUBECTL, "kustomize", str(FOLDER / folder)], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


def overlay(name: str) -> list[Manifest]:
    """Return the resources of an overlay."""
    return list(yaml.safe_load_all(built(f"overlays/{name}")))


def one(name: str, kind: str, called: str = "") -> Manifest:
    """Return the only resource of that kind in an overlay, or the one that is called so."""
    found = [
        made
        for made in overlay(name)
        if made["kind"] == kind and (not called or made["metadata"]["name"] == called)
    ]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]


def pod(name: str) -> Manifest:
    """Return the pods' specification in an overlay."""
    spec: Manifest = one(name, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(name: str) -> Manifest:
    """Return the container in an overlay."""
    (only,) = pod(name)["containers"]
    made: Manifest = only
    return made


def options(name: str) -> dict[str, str]:
    """Return the variables that a container gets in an overlay."""
    variables: dict[str, str] = one(name, "ConfigMap")["data"]
    return variables
