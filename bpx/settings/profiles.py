"""What the environments that `BPX_ENV` may name set, where nothing else does."""

from types import MappingProxyType

PROFILES = MappingProxyType({  # field of the settings -> as an operator would write it
    "development": {"log_level": "debug", "forwards_shown": "true"},
    "testing": {"log_level": "debug"},
    "staging": {"log_level": "debug", "log_format": "json"},
    "production": {"log_format": "json"},
})  # fmt: skip


def profile(name: str | None) -> dict[str, str]:
    """Return what an environment sets; nothing if there is none."""
    return PROFILES.get(name or "", {})
