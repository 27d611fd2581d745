"""Whether the markets' ports answer: what can be known where the operators' port is closed."""

import http.client
import ssl
from contextlib import closing
from typing import Any

from bpx.cli.command import reachable
from bpx.server.configuration import application_for, markets_of
from bpx.settings import Settings

TIMEOUT_S = 5.0
_KNOWN = "its port answers; what else there is, BPX_FEAT_ENABLE_METRICS would tell"


def knock(settings: Settings) -> dict[str, Any]:
    """Return what `/health` would, as far as ports tell."""
    ports = {"spot": settings.port_spot, "futures": settings.port_futures}
    markets = {
        market: _told(why_silent(settings, ports[market]))
        for market in markets_of(application_for(settings), settings)
    }
    are_well = all(facts["status"] == "ok" for facts in markets.values())
    return {"status": "ok" if are_well else "not ready", "markets": markets}


def why_silent(settings: Settings, port: int) -> str | None:
    """Return why a market does not answer; None if it does.

    It is asked what Binance learns nothing of: RFC 9110, 9.3.7 calls OPTIONS * a ping.
    """
    host = reachable(settings.host)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    if settings.certificate_file:
        # Nobody can stand between us and ourselves, and certificates are seldom for loopback.
        context = ssl._create_unverified_context()  # nosec B323
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        with closing(connection):
            connection.request("OPTIONS", "*")
            connection.getresponse().read()
    except ssl.SSLError:  # who wants to see a certificate is there
        return None
    except (OSError, http.client.HTTPException) as error:
        return f"port {port}: {getattr(error, 'strerror', None) or error or type(error).__name__}"
    return None


def _told(silence: str | None) -> dict[str, Any]:
    return {"status": "not ready" if silence else "ok", "reasons": [silence or _KNOWN]}
