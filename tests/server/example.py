"""An application that misbehaves on purpose, to run under the real server."""

import logging
from collections.abc import Callable, Iterable
from hashlib import pbkdf2_hmac
from pathlib import Path
from time import sleep
from typing import Any

from bpx.server.ports import Application, ByPort

BIG = b"x" * 30_000_000
log = logging.getLogger("tests")
FIELDS = {"market": "spot", "weight": 2}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer by path; an unknown one with what was asked, as it came."""
    answer = PATHS.get(environ["PATH_INFO"])
    if answer is not None:
        return answer(environ, start_response)
    return _plain(start_response, environ["RAW_URI"].encode())


def _echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return _plain(start_response, environ["wsgi.input"].read())


def _big(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return _plain(start_response, BIG)


def _raises(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raise RuntimeError("GET /api/v3/order?signature=canary0canary failed")


def _breaks(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    yield b"[[1,2],[3"
    raise RuntimeError("the source broke")


def _streamed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return iter([b"one", b"two"])


def _slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    Path(environ["QUERY_STRING"]).touch()  # tells the test that it is under way
    sleep(1)
    return _plain(start_response, b"done")


def _held(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer when the test takes its mark away."""
    mark = Path(environ["QUERY_STRING"])
    mark.touch()  # tells the test that it is under way
    while mark.exists():
        sleep(0.01)
    return _plain(start_response, b"done")


def _pause(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    Path(environ["QUERY_STRING"]).touch()
    pbkdf2_hmac("sha256", b"", b"", 2**20)  # for half a second or so, and nothing else runs
    return _plain(start_response, b"")


def _stuck(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # for minutes, and nothing else runs
    return _plain(start_response, b"")


def _busy(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    while True:
        pass


def _log(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    level, count = environ["QUERY_STRING"].split("&")
    for number in range(int(count)):
        getattr(log, level)("%s%s", number, " and so on" * 10, extra=FIELDS)
    return _plain(start_response, b"")


def _dated(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return _plain(start_response, b"", [("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])


def _plain(
    start_response: Callable[..., Any], body: bytes, more: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    start_response("200 OK", [("Content-Length", str(len(body))), *more])
    return [body]


def operators(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as the operators' port would."""
    return _plain(start_response, b"operators")


PATHS = {
    "/echo": _echo,
    "/big": _big,
    "/raises": _raises,
    "/breaks": _breaks,
    "/streamed": _streamed,
    "/slow": _slow,
    "/held": _held,
    "/pause": _pause,
    "/stuck": _stuck,
    "/busy": _busy,
    "/dated": _dated,
    "/log": _log,
}
app = ByPort([application], [], operators)


def _named(name: bytes) -> Application:
    return lambda environ, start_response: _plain(start_response, name)


three = ByPort([_named(b"one"), _named(b"two"), _named(b"three")], [], operators)
