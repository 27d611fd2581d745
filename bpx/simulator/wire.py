"""REST on the wire: requests as they came, replies with the headers Binance's edge adds."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

from aiohttp import web
from aiohttp.http_parser import HttpRequestParserPy
from aiohttp.web_protocol import RequestHandler

from bpx.simulator.venue import Reply, Request

_GZIP_FROM_BYTES = 1024
_KEPT_FROM_BYTES = 64 * 1024
_LINE_BYTES = 1 << 20
_JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A REST request that was answered, or broken by a fault (`status` is None)."""

    method: str
    target: str
    status: int | None
    headers: Mapping[str, str]
    client: str
    at_ms: int


class LenientServer(web.Server):
    """Reads request lines as Binance's edge does: raw UTF-8 and other high bytes are let through.

    aiohttp's compiled parser refuses them before anyone sees the request; its Python one does not.
    Neither has an official switch, so the parser of a fresh connection is replaced.
    """

    def __call__(self) -> RequestHandler:
        """Return the protocol of a fresh connection."""
        handler = super().__call__()
        handler._parser = HttpRequestParserPy(
            handler,
            asyncio.get_running_loop(),
            1 << 18,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
        )
        return handler


async def read_request(request: web.BaseRequest) -> Request:
    """Return a request with its raw target and body, byte for byte."""
    body = await request.read()
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in request.raw_headers
    }
    client = request.remote or "127.0.0.1"
    return Request(request.method, raw_target(request), headers, body, client)


def raw_target(request: web.BaseRequest) -> str:
    """Return the request target as latin-1 text of the bytes on the wire."""
    return request.raw_path.encode("utf-8", "surrogateescape").decode("latin-1")


def to_response(reply: Reply, request: Request, now_ms: int) -> web.Response:
    """Return `reply` as it goes on the wire: dated by the exchange, compressed if welcome."""
    headers = {name: value for name, value in reply.headers.items() if not _is_ours(name)}
    present = {name.lower() for name in headers}
    if "date" not in present:
        headers["Date"] = formatdate(now_ms / 1000, usegmt=True)
    if "server" not in present:
        headers["Server"] = "nginx"
    if reply.body and "content-type" not in present:
        headers["Content-Type"] = _JSON
    body = reply.body
    accepted = request.headers.get("accept-encoding", "").replace(" ", "")
    wants_gzip = "gzip" in accepted and "gzip;q=0" not in accepted
    if wants_gzip and len(body) > _GZIP_FROM_BYTES and "content-encoding" not in present:
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
        body = _compress_kept(body) if len(body) > _KEPT_FROM_BYTES else _compress(body)
    return web.Response(status=reply.status, headers=headers, body=body)


def _is_ours(name: str) -> bool:
    return name.lower() in ("content-length", "transfer-encoding", "connection")


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=5, mtime=0)


@lru_cache(maxsize=4)
def _compress_kept(body: bytes) -> bytes:
    # The one large document of a market is asked again and again.
    return _compress(body)
