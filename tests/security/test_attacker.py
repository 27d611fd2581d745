"""Two clients with keys, one of them hostile: what it tries, and what it gets."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.access.test_targets import AMBIGUOUS, MOVES
from tests.canaries import MARK
from tests.faults.exchange import reply
from tests.faults.figures import figure
from tests.faults.stage import Stage, staged
from tests.security.conftest import BOT, OPS, OTHER, keys_file
from tests.upstream.wire_server import Delivered

CANARIES = (f"victim-binance-{MARK}", "victim-signature-canary", BOT, OPS)
ACCOUNT = "/api/v3/account?timestamp=1&signature=victim-signature-canary"
ORDER = "/api/v3/order?timestamp=1&signature=victim-signature-canary"
VICTIM = {"X-BPX-API-Key": BOT, "X-MBX-APIKEY": f"victim-binance-{MARK}"}
HOSTILE = {"X-BPX-API-Key": OTHER}
WEIGHT = 60  # of one client, in a minute


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[tuple[Stage, Path]]:
    audit = tmp_path / "audit"
    env = {
        "BPX_SECURITY_KEYS_FILE": str(keys_file(tmp_path)),
        "BPX_SECURITY_CLIENT_WEIGHT": str(WEIGHT),
        "BPX_SECURITY_CLIENT_RPS": "50",
        "BPX_SECURITY_CLIENT_BURST": "400",
        "BPX_SECURITY_AUDIT_FILE": str(audit),
        "BPX_FEAT_ENABLE_PPROF": "true",
        "BPX_FEAT_ENABLE_MEMORY_MONITORING": "true",
        "BPX_LOG_LEVEL": "trace",
    }
    with staged(env, with_key=BOT) as stage:
        stage.exchange.talk = answer_by_key
        yield stage, audit


def answer_by_key(hit: Delivered) -> bytes:
    """Answer as an exchange does: what an account has is for its key."""
    key = hit.headers.get(b"x-mbx-apikey", b"nobody").decode()
    body = json.dumps({"owner": key, "target": hit.target.decode("latin-1")}).encode()
    return reply(body, headers='ETag: "one"\r\n')


def test_the_hostile_one_gets_nothing_that_is_not_its_own(scene: tuple[Stage, Path]) -> None:
    stage, audit = scene
    said: list[str] = []
    over, victims = threading.Event(), []

    def trade() -> None:
        bot = requests.Session()
        while not over.wait(0.05):
            victims.append(bot.post(stage.spot.url + ORDER, headers=VICTIM, timeout=20))

    with ThreadPoolExecutor(1) as pool:
        trading = pool.submit(trade)
        try:
            attack = Attack(stage)
            for attempt in (attack.on_data, attack.on_paths, attack.on_operators, attack.on_keys,
                            attack.on_budget):  # fmt: skip
                attempt()
            said += attack.said
        finally:
            over.set()
        trading.result()

    assert len(victims) >= 10
    assert {answer.status_code for answer in victims} == {200}, "its budget is its own"
    assert {answer.json()["owner"] for answer in victims} == {f"victim-binance-{MARK}"}
    figure("G", attacks=len(said), reached=0, victims_answers=len(victims))

    for page in ("metrics", "health", "ready", "live"):
        said.append(requests.get(f"{stage.proxy.operators_url}/{page}", timeout=20).text)
    seen = "\n".join(said) + stage.proxy.log() + audit.read_text()
    assert [canary for canary in CANARIES if canary in seen] == []
    assert '"client": "other"' in audit.read_text() or '"refused"' in audit.read_text()


class Attack:
    """What a hostile client may think of, and all that it was told."""

    def __init__(self, stage: Stage) -> None:
        self.said: list[str] = []
        self._stage = stage

    def ask(self, target: str, method: str = "GET", **headers: str) -> requests.Response:
        """Ask the market's port with the hostile one's key."""
        return self.hear(self._stage.spot.ask(target, method, headers=HOSTILE | headers).reply)

    def hear(self, answer: requests.Response) -> requests.Response:
        """Keep what was said."""
        self.said.append(answer.text + str(answer.headers))
        return answer

    def on_data(self) -> None:
        """Ask what its neighbour asks, with all that a cache may confuse."""
        for extra in (
            {}, {"If-None-Match": '"one"'}, {"Cache-Control": "only-if-cached"},
            {"X-MBX-APIKEY": "hostile"}, {"Range": "bytes=0-99"},
            {"X-Forwarded-For": "127.0.0.1"}, {"Connection": "X-BPX-API-Key"},
        ):  # fmt: skip
            target = ACCOUNT.replace("victim-signature-canary", "hostile")
            answer = self.ask(target, **extra)
            if answer.status_code == 200:
                assert answer.json()["owner"] in ("nobody", "hostile")

    def on_paths(self) -> None:
        """Ask for what is not served, however it is spelled."""
        before = len(self._stage.exchange.hits)
        for path in MOVES:
            assert self.ask(f"{path}?signature=x", "POST").status_code == 404
        for target in AMBIGUOUS:
            if target.startswith("/") and re.fullmatch(r"[!-~]+", target) and "#" not in target:
                assert self._post(target).status_code in (400, 404), target
        targets = [hit.target for hit in self._stage.exchange.hits[before:]]
        assert set(targets) <= {ORDER.encode()}, "only the other one's"

    def _post(self, target: str) -> requests.Response:
        request = requests.Request("POST", self._stage.spot.url, headers=HOSTILE).prepare()
        request.url = self._stage.spot.url + target  # as it is
        with requests.Session() as session:
            return self.hear(session.send(request, timeout=20, allow_redirects=False))

    def on_operators(self) -> None:
        """Ask for pages of theirs, and for changes."""
        for method, path in (
            ("POST", "/cache/clear"), ("PUT", "/log-level"), ("GET", "/status"), ("GET", "/memory"),
            ("GET", "/debug/pprof/heap"), ("GET", "/logs"),
        ):  # fmt: skip
            url, content = self._stage.proxy.operators_url + path, {"level": "trace"}
            answer = requests.request(method, url, headers=HOSTILE, json=content, timeout=20)
            assert self.hear(answer).status_code == 403, path

    def on_keys(self) -> None:
        """Guess."""
        for n in range(30):
            wrong = {"X-BPX-API-Key": BOT[:-1] + str(n % 10)}
            answer = self._stage.spot.ask("/api/v3/time", headers=wrong).reply
            assert self.hear(answer).status_code in (401, 429)

    def on_budget(self) -> None:
        """Ask for far more than its weight, and far faster than its pace."""
        asked = [
            *((f"/api/v3/order?orderId={n}&signature=hostile", "GET") for n in range(80)),
            *((f"/api/v3/aggTrades?symbol=A{n}", "GET") for n in range(80)),
            *((f"/api/v3/order?n={n}", "POST") for n in range(200)),
        ]
        statuses = [self.ask(target, method).status_code for target, method in asked]
        assert statuses.count(429) > 100
        hits = self._stage.exchange.hits
        assert sum(b"x-mbx-apikey" not in hit.headers for hit in hits) < 250


def test_refusals_are_counted(scene: tuple[Stage, Path]) -> None:
    stage, _ = scene
    assert stage.spot.ask("/api/v3/time").status == 401
    text = requests.get(f"{stage.proxy.operators_url}/metrics", timeout=20).text
    assert re.search(r'^bpx_refused_total{market="spot",why="auth"} [1-9]', text, re.MULTILINE)
