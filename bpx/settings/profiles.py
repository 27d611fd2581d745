"""What the environments that `BPX_ENV` may name set, where nothing else does."""

from types import MappingProxyType

_BRIEF_LOG = {  # of a machine to work on: little, and to be read as it is
    "log_level": "debug",
    "log_max_size_mb": "10",
    "log_max_age_days": "1",
    "log_max_disk_mb": "50",
    "log_compressed": "false",
}
_SERVED = {  # as the specification's examples for production have it
    "log_format": "json",
    "log_max_size_mb": "50",
    "log_max_backups": "5",
    "log_max_age_days": "7",
    "log_max_disk_mb": "500",
    "log_compressed": "true",
    "log_rate_limited": "true",
    "metrics_enabled": "true",
    "memory_optimized": "true",
    "gc_target_percent": "75",
    "circuit_breaker_enabled": "true",
    "failure_threshold": "10",
    "max_retries": "5",
    "max_delay_s": "300s",
}

PROFILES = MappingProxyType({  # field of the settings -> as an operator would write it
    "development": {**_BRIEF_LOG, "log_max_backups": "2", "forwards_shown": "true"},
    "testing": {**_BRIEF_LOG, "log_max_backups": "0"},
    "staging": {**_SERVED, "log_level": "debug"},
    "production": _SERVED,
})  # fmt: skip


def profile(name: str | None) -> dict[str, str]:
    """Return what an environment sets; nothing if there is none."""
    return PROFILES.get(name or "", {})
