"""Prints the options for deployments: files of variables, as Kubernetes and Compose read them."""

from types import MappingProxyType

from bpx.settings.kinds import EVERYWHERE
from bpx.settings.option import GROUPS, Option
from bpx.settings.reading import OPTIONS

# Who may ask where the port is open beyond the machine: addresses that are not routed, and, of
# these, 100.64.0.0/10 for clouds that give it to their nodes.
_PRIVATE = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,::1/128,fc00::/7"
_IN_CONTAINERS = {
    "host": EVERYWHERE,
    "environment": "production",
    "allowed_networks": _PRIVATE,
    "metrics_enabled": "true",
    "memory_monitored": "true",
    "memory_optimized": "true",
    "gc_target_percent": "75",
    "max_retries": "5",
    "circuit_breaker_enabled": "true",
    "failure_threshold": "10",
}
PLACES = MappingProxyType({  # place -> field of the settings -> as an operator would write it
    "kubernetes": _IN_CONTAINERS | {
        "max_memory_mb": "200",
        "spot_requests_per_s": "30",
        "futures_requests_per_s": "60",
    },
    "compose": _IN_CONTAINERS | {
        "max_memory_mb": "256",
        "spot_requests_per_s": "25",
        "futures_requests_per_s": "50",
    },
})  # fmt: skip


def variables_file(place: str) -> str:
    """Return a line for each option: what is set in that place, and the rest as comments."""
    head = (
        f"# Options of bpx, printed by `python -m bpx.settings {place}`. What is set here is what\n"
        "# differs there; a line that begins with # shows a default. The README explains them all."
    )
    return "\n\n".join([head, *(_group(group, place) for group in GROUPS)]) + "\n"


def _group(group: str, place: str) -> str:
    rows = [f"# {GROUPS[group][0]}"]
    for name, option in OPTIONS.items():
        if option.group == group and not option.is_secret:
            rows.append(_row(option, PLACES[place].get(name)))
    return "\n".join(rows)


def _row(option: Option, value: str | None) -> str:
    if value is None:
        return f"# {option.variable}={option.default or ''}"
    return f"{option.variable}={value}"
