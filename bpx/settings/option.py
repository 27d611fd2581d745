"""How an option is declared.

The flag `--server.port-spot` is the variable `BPX_SERVER_PORT_SPOT` and the config key
`server.port-spot`; what comes before the dot is the group.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bpx.settings.kinds import Kind

GROUPS = MappingProxyType({  # group -> its title, and how its variables begin
    "server": ("Server", "BPX_SERVER_"),
    "ratelimit": ("Rate limits", "BPX_RATE_"),
    "features": ("Features", "BPX_FEAT_"),
    "candles": ("Candles", "BPX_CANDLES_"),
    "ticker": ("Ticker", "BPX_TICKER_"),
    "freshness": ("Freshness", "BPX_FRESH_"),
    "websocket": ("Streams", "BPX_WS_"),
    "upstream": ("Upstream", "BPX_UPSTREAM_"),
    "security": ("Security", "BPX_SECURITY_"),
    "tls": ("TLS", "BPX_TLS_"),
    "recovery": ("Recovery", "BPX_RECOVERY_"),
    "cache": ("Cache", "BPX_CACHE_"),
    "memory": ("Memory", "BPX_MEM_"),
    "logging": ("Logging", "BPX_LOG_"),
    "": ("Others", "BPX_"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """How an option is named, read and explained.

    Args:
        name: its long flag without the dashes, which is its config key too.
        kind: what it accepts.
        default: as an operator would write it; None if `shown` has to explain it.
        help: a sentence for an operator.
        flags: other names on the command line; where the long one is given too, it wins.
        legacy_variable: an older name of its variable; where the newer one is set, it wins.
        legacy_kind: what the older variable accepts, if that is something else.
        shown: what to print as the default.
        is_secret: its value is told to nobody.
    """

    name: str
    kind: Kind
    default: str | None
    help: str
    flags: tuple[str, ...] = ()
    legacy_variable: str | None = None
    legacy_kind: Kind | None = None
    shown: str | None = None
    is_secret: bool = False

    @property
    def group(self) -> str:
        """The part of the name before the dot."""
        return self.name.rpartition(".")[0]

    @property
    def flag(self) -> str:
        """Its long flag."""
        return f"--{self.name}"

    @property
    def off_flag(self) -> str | None:
        """The flag that switches it off, if it is a yes-or-no that is on by default."""
        return f"--no-{self.name}" if not self.kind.metavar and self.default == "true" else None

    @property
    def variable(self) -> str:
        """Its environment variable."""
        rest = self.name.rpartition(".")[2]
        return GROUPS[self.group][1] + rest.upper().replace("-", "_")


def option(name: str, kind: Kind, default: str | None, help: str, **more: Any) -> Any:
    """Declare a field of the settings as an option."""
    made = Option(name, kind, default, help, **more)
    value = None if default is None else kind.read(default)
    return field(default=value, metadata={"option": made})


def legacy(variable: str, *flags: str, kind: Kind | None = None) -> dict[str, Any]:
    """Return the older names of an option."""
    return {"flags": flags, "legacy_variable": variable, "legacy_kind": kind}
