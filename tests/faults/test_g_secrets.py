"""G12: what is secret appears in no log line, no error of ours and no metric."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import requests

from tests.faults.abuse import rest_of
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.stage import Stage, staged
from tests.proxy import TRACEBACK
from tests.upstream.wire_server import Answer, Delivered, Then

KEY_SIZE = 64  # of Binance's keys, HMAC signatures and listen keys


def canary(number: int) -> str:
    """Return a secret that looks like Binance's, and can be told from all others."""
    return f"cAnAry{number:02}{'k7Q' * KEY_SIZE}"[:KEY_SIZE]


HMAC_IN_QUERY, HMAC_IN_BODY, KEY, MIXED_CASE = (canary(number) for number in (1, 2, 3, 4))
RSA_IN_QUERY = f"cAnAry05/{'k+7/Q' * 60}=="
ED25519_IN_BODY = f"cAnAry06+{'k/7+Q' * 15}=="
LISTEN_IN_QUERY, LISTEN_IN_PATH, LISTEN_IN_REPLY = (canary(number) for number in (7, 8, 9))
MALFORMED, ENCODED_PATH, SHORT = canary(10), canary(11), "cAnAry12"
CANARIES = (
    HMAC_IN_QUERY, HMAC_IN_BODY, KEY, MIXED_CASE, RSA_IN_QUERY, ED25519_IN_BODY,
    LISTEN_IN_QUERY, LISTEN_IN_PATH, LISTEN_IN_REPLY, MALFORMED, ENCODED_PATH, SHORT,
)  # fmt: skip

SENT_ON = {1, 2, 3, 4, 5, 6, 7, 8, 12}  # by a bot, in what the exchange is to get

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LISTEN_KEY = f'{{"listenKey":"{LISTEN_IN_REPLY}"}}'.encode()
ORDER = "/api/v3/order?symbol=BTCUSDT&timestamp=1"


def every_dot_encoded(text: str) -> str:
    """Return a text with each of its characters percent-encoded."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


# Method, target, headers, body: all that a bot may send, and some that none should.
REQUESTS = [
    ("POST", f"{ORDER}&signature={HMAC_IN_QUERY}", {"X-MBX-APIKEY": KEY}, ""),
    ("GET", f"/api/v3/account?timestamp=1&signature={HMAC_IN_QUERY}", {"X-MBX-APIKEY": KEY}, ""),
    ("POST", "/api/v3/order", FORM | {"X-MBX-APIKEY": KEY}, f"a=1&signature={HMAC_IN_BODY}"),
    ("POST", f"{ORDER}&SiGnAtUrE={MIXED_CASE}", {"x-MbX-aPiKeY": MIXED_CASE}, ""),
    ("DELETE", f"{ORDER}&signature={quote(RSA_IN_QUERY, safe='')}", {}, ""),
    ("DELETE", f"{ORDER}&signature={RSA_IN_QUERY}", {}, ""),
    ("PUT", "/api/v3/order", FORM, f"signature={quote(ED25519_IN_BODY, safe='')}&a=1"),
    ("PUT", f"/api/v3/userDataStream?listenKey={LISTEN_IN_QUERY}", {"X-MBX-APIKEY": KEY}, ""),
    ("PUT", f"/api/v3/userDataStream?{LISTEN_IN_QUERY}", {}, ""),
    ("POST", "/fapi/v1/listenKey", {"X-MBX-APIKEY": KEY}, ""),
    ("GET", f"/ws/{LISTEN_IN_PATH}", {}, ""),
    ("GET", f"/private/ws/{every_dot_encoded(LISTEN_IN_PATH)}", {}, ""),
    ("POST", f"/api/v3/order%3Fsymbol=A%26signature%3D{ENCODED_PATH}", {}, ""),
    ("POST", f"/api/v3/order%3Fsignature%3D{SHORT}", {}, ""),
    ("POST", f"/api/v3/order%3f%73ignature%3d{every_dot_encoded(ENCODED_PATH)}", {}, ""),
    ("GET", f"/api/v3/klines?symbol=BTCUSDT&interval=1m&signature={SHORT}", {}, ""),
    ("BREW", f"{ORDER}&signature={SHORT}", {"X-MBX-APIKEY": SHORT}, ""),
    ("POST", f"{ORDER}&pad={'x' * 9000}&signature={HMAC_IN_QUERY}", {"X-MBX-APIKEY": KEY}, ""),
    ("POST", f"{ORDER}&signature={HMAC_IN_QUERY}", {"X-MBX-APIKEY": KEY * 200}, ""),
]  # fmt: skip

# What is no request at all.
BROKEN = [
    f"GET /api/v3/order?signature={MALFORMED}\r\n\r\n",
    f"POST /api/v3/order?signature={SHORT} HTTP/9.9\r\n\r\n",
    f"POST /api/v3/order signature={SHORT} x HTTP/1.1\r\nHost: a\r\n\r\n",
    f"POST /api/v3/order HTTP/1.1\r\nHost: a\r\nX-MBX-APIKEY {MALFORMED}\r\n\r\n",
    f"POST /api/v3/order HTTP/1.1\r\nHost: a\r\nX-MBX-APIKEY : {SHORT}\r\n\r\n",
    f"POST /api/v3/order HTTP/1.1\r\nHost: a\r\nX-MBX-APIKEY: {MALFORMED}\r\n"
    f"Content-Length: {SHORT}\r\n\r\n",
    f"POST /api/v3/order HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {MALFORMED}\r\n\r\n",
    f"POST /api/v3/order HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    f"signature={SHORT}\r\n\r\n",
    f"POST http://{SHORT}@a/api/v3/order?signature={SHORT} HTTP/1.1\r\nHost: a b\r\n\r\n",
    f"\x16\x03\x01signature={MALFORMED}\r\n\r\n",
]


FAULTS: list[Callable[[Delivered], bytes | Answer]] = [
    lambda hit: reply(LISTEN_KEY),
    lambda hit: Answer(b"", Then.RESET),
    lambda hit: Answer(reply(LISTEN_KEY)[:-9], Then.CLOSE),
    lambda hit: Answer(b"HTTP/1.1 200 OK\r\nlistenKey " + LISTEN_KEY + b"\r\n\r\n", Then.CLOSE),
    lambda hit: Answer(LISTEN_KEY + b"\r\n\r\n", Then.CLOSE),
    lambda hit: reply(LISTEN_KEY, headers="Content-Encoding: gzip\r\n"),
    lambda hit: reply(status=302, headers=f"Location: /x?listenKey={LISTEN_IN_REPLY}\r\n"),
    lambda hit: reply(b"<html>" + hit.target + b"</html>", status=503),
]


@pytest.fixture(params=["text", "json"])
def talkative(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Stage, Path | None]]:
    """Yield a proxy that logs all there is, and the file to which it does, if it is one."""
    file = tmp_path / "bpx.log" if request.param == "json" else None
    env = {
        "BPX_LOG_LEVEL": "trace",
        "BPX_LOG_FORMAT": request.param,
        "BPX_ALWAYS_SHOW_FORWARDS": "true",
        "BPX_RECOVERY_ENABLE_CIRCUIT_BREAKER": "true",
        **({"BPX_LOG_OUTPUT": str(file)} if file else {}),
    }
    # A head that is none is a traceback of urllib3's: it may not tell, either.
    with staged(env, may_log=[TRACEBACK]) as stage:
        yield stage, file


def test_g12_secrets_appear_in_no_log_no_error_and_no_metric(
    talkative: tuple[Stage, Path | None],
):
    stage, file = talkative
    said: list[str] = []
    asked = 0
    for stage.exchange.talk in FAULTS:
        for method, target, headers, body in REQUESTS:
            for bots in (stage.spot, stage.futures):
                asked += 1
                answer = ask(bots.url, method, target, headers, body)
                if answer.headers.get("Data-Source") != "upstream":
                    said.append(answer.text + str(answer.headers))
    for broken in BROKEN:
        asked += 1
        said.append(send(stage.proxy.address, broken))
    for page in ("metrics", "ready", "health", f"none?signature={SHORT}"):
        said.append(requests.get(f"{stage.proxy.operators_url}/{page}", timeout=20).text)
    logged = stage.proxy.log()
    if file is not None:
        assert file.exists()
        logged += file.read_text()
    assert "is no option" not in logged
    assert " DEBUG " in logged or '"level": "debug"' in logged, "it logs all there is"
    reached = canaries_in("\n".join(spelled(hit) for hit in stage.exchange.hits))
    assert reached >= SENT_ON, "the exchange was told"
    hits = found_in(logged) + found_in("\n".join(said))
    figure("G12", canaries=len(CANARIES), requests=asked, lines=logged.count("\n"), hits=len(hits))
    assert hits == []
    assert logged.count(" -> ") > 20, "forwards are shown"


def found_in(text: str) -> list[str]:
    """Return the places where a secret, or a part of one, can be read."""
    found = []
    for plain in {text, unquote(text), unquote(unquote(text))}:
        for number in range(1, len(CANARIES) + 1):
            at = plain.lower().find(f"canary{number:02}")
            if at >= 0:
                found.append(plain[max(0, at - 200) : at + 80])
    return found


def canaries_in(text: str) -> set[int]:
    """Return the numbers of the secrets that can be read in a text."""
    plain = unquote(unquote(text)).lower()
    return {n for n in range(1, len(CANARIES) + 1) if f"canary{n:02}" in plain}


def spelled(hit: Delivered) -> str:
    """Return all that the exchange has got of a request."""
    return (hit.head + hit.body).decode("latin-1")


def ask(url: str, method: str, target: str, headers: dict[str, str], body: str
        ) -> requests.Response:  # fmt: skip
    """Ask with a target that nothing rewrites."""
    request = requests.Request(method, url, headers=headers, data=body).prepare()
    request.url = url + target
    with requests.Session() as session:
        return session.send(request, timeout=20, allow_redirects=False)


def send(address: tuple[str, int], request: str) -> str:
    """Send what may be no request; return what is said to it."""
    with socket.create_connection(address, timeout=20) as client:
        client.sendall(request.encode())
        client.shutdown(socket.SHUT_WR)
        return rest_of(client).decode("latin-1")
