"""What the value of an option may be: how it is read, written, and what it accepts in words."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)(?:-----END CERTIFICATE-----|\Z)", re.DOTALL)
_SEQUENCE = 0x30
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
_DECIMAL = re.compile(r"[01](\.[0-9]{1,6})?")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S = 8760 * 3600.0
Network = IPv4Network | IPv6Network

EVERYWHERE = "0.0.0.0"  # nosec B104

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")  # as browsers write it

_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """What an option accepts.

    Args:
        accepts: in words, for the one line that refuses a value.
        read: text -> value; a ValueError or KeyError refuses it.
        write: value -> a text that reads as the same value.
        metavar: stands for the value in the help; "" if the flag needs none.
    """

    accepts: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    metavar: str = "VALUE"


def _read_duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(text)
    return seconds


def whole(lowest: int, highest: int, metavar: str = "N") -> Kind:
    """Accept the whole numbers from `lowest` to `highest`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not lowest <= int(text) <= highest:
            raise ValueError(text)
        return int(text)

    return Kind(f"a whole number from {lowest} to {highest}", read, metavar=metavar)


def part(lowest: float) -> Kind:
    """Accept the decimal numbers from `lowest` to 1."""

    def read(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not lowest <= float(text) <= 1:
            raise ValueError(text)
        return float(text)

    return Kind(f"a number from {lowest} to 1, such as 0.25", read, metavar="PART")


def _certificates(text: str) -> str:
    if text:
        try:
            blocks = _PEM.findall(Path(text).read_text("latin-1"))
        except OSError as error:
            raise ValueError(text) from error
        if not blocks or not all(map(_is_whole, blocks)):
            raise ValueError(text)
    return text


def _is_whole(block: str) -> bool:
    """Tell whether a block of PEM is one DER sequence, by the length that it says it has.

    What is in it is for TLS to judge, which is not to be loaded where options are read. This finds
    a file that is read while it is written. See RFC 7468 and X.690, 8.1.3.
    """
    der = b64decode("".join(block.split()), validate=True)
    if len(der) < 2 or der[0] != _SEQUENCE:
        return False
    if der[1] < 0x80:
        return len(der) == 2 + der[1]
    head = 2 + (der[1] & 0x7F)
    return len(der) == head + int.from_bytes(der[2:head])


def choice(*texts: str, also: Mapping[str, str] = MappingProxyType({})) -> Kind:
    """Accept one of `texts`, in any case, or another word for it."""

    def read(text: str) -> str:
        word = also.get(text.lower(), text.lower())
        if word not in texts:
            raise ValueError(text)
        return word

    return Kind(f"one of {', '.join(texts)}", read, metavar="|".join(texts))


def url(*schemes: str) -> Kind:
    """Accept an address with one of `schemes` and a host, and nothing else but a port."""

    def read(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
            raise ValueError(text)
        if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError(text)
        return text.rstrip("/")

    return Kind(
        f"an address that begins with {' or '.join(f'{s}://' for s in schemes)}",
        read,
        metavar="URL",
    )


def urls(*schemes: str) -> Kind:
    """Accept one address, or several with commas between them; see `url`."""
    one = url(*schemes)

    def read(text: str) -> tuple[str, ...]:
        return tuple(one.read(part.strip()) for part in text.split(","))

    return Kind(f"{one.accepts}, or several with commas between", read, ",".join, "URL[,URL]")


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(one.strip()) for one in text.split(",")) if text.strip() else ()


def is_local(host: str) -> bool:
    """Whether an address that is listened on can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _names(text: str) -> tuple[str, ...]:
    names = tuple(one.strip() for one in text.split(",")) if text.strip() else ()
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError(text)
    return names


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(one.strip() for one in text.split(",")) if text.strip() else ()
    if not all(map(_ORIGIN.fullmatch, origins)):
        raise ValueError(text)
    return origins


def _some(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


DURATION = Kind("a time such as 500ms, 30s, 5m or 1h, longer than 0, at most 8760h", _read_duration,
                metavar="TIME")  # fmt: skip
BOOL = Kind("true, false, 1, 0, yes or no", lambda text: _TRUTH[text.lower()],
            lambda value: str(value).lower(), metavar="")  # fmt: skip
NETWORKS = Kind(
    "networks such as 10.0.0.0/8 or fd00::/8, with commas between",
    _networks,
    lambda networks: ",".join(map(str, networks)),
    "NETWORK[,NETWORK]",
)
NAMES = Kind("names of hosts, with commas between", _names, ",".join, "NAME[,NAME]")
ORIGINS = Kind(
    "origins such as https://example.org, in lower case, with commas between",
    _origins,
    ",".join,
    "ORIGIN[,ORIGIN]",
)
PORT = whole(1, 65535, metavar="PORT")
TEXT = Kind("a text that is not empty", _some, metavar="TEXT")
FILE = Kind("the path of a file", str, metavar="FILE")
CERTIFICATES = Kind("a file of certificates (PEM) that can be read", _certificates, metavar="FILE")
VERBOSITY = Kind(
    "true, or 2 for more",
    {"false": "", "0": "", "no": "", "true": "debug", "1": "debug", "yes": "debug",
     "2": "trace"}.__getitem__,
)  # fmt: skip
