"""Where streams are found: the paths of both markets, and the routes of futures."""

from dataclasses import dataclass
from urllib.parse import unquote

_ROUTES = ("public", "market", "private")


@dataclass(frozen=True, slots=True)
class Listen:
    """What the path of a handshake asks for.

    Args:
        route: "" on spot; on futures the kind of streams that this connection delivers.
        combined: whether messages come wrapped with their stream's name.
        streams: names to begin with.
    """

    route: str
    combined: bool
    streams: tuple[str, ...]


def read_path(market: str, target: str) -> Listen | None:
    """Read a raw request target; None if no streams are to be found there."""
    path, _, query = target.partition("?")
    first, *rest = path.removeprefix("/").split("/")
    route = ""
    if market == "futures":
        # Unrouted futures paths are decommissioned: they connect, and behave as /public.
        route = "public"
        if first in _ROUTES and rest:
            route, (first, *rest) = first, rest
    if first == "ws":
        return Listen(route, combined=False, streams=_names(rest))
    if first == "stream" and not any(rest):
        return Listen(route, combined=True, streams=_names(_streams_parameter(query).split("/")))
    return None


def delivers(route: str, stream: str) -> bool:
    """Return whether a connection of `route` gets the messages of `stream`.

    A wrong route is not an error on Binance: the name is acknowledged and stays silent.
    """
    return not route or route == route_of(stream)


def route_of(stream: str) -> str:
    """Return the futures route on which `stream` is published."""
    head, *rest = stream.split("@")
    kind = head.removeprefix("!") if head.startswith("!") or not rest else rest[0]
    is_public = kind in ("bookTicker", "trade") or kind.startswith(("depth", "rpiDepth"))
    return "public" if is_public else "market"


def _streams_parameter(query: str) -> str:
    for pair in query.split("&"):
        name, _, streams = pair.partition("=")
        if name == "streams":
            return streams
    return ""


def _names(raw: list[str]) -> tuple[str, ...]:
    # The target is latin-1 text of the bytes on the wire; names are UTF-8, percent-encoded or not.
    texts = (name.encode("latin-1").decode("utf-8", "replace") for name in raw if name)
    names = (part for text in texts for part in unquote(text).split("/"))
    return tuple(dict.fromkeys(name for name in names if name))
