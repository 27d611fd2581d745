"""What an answer is, whatever was asked and whatever went wrong: E9, E10, E13-E16, E18, E19."""

import gzip
import hmac
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from urllib.parse import quote

import pytest

from bpx.simulator.faults import Ending, Refusal, RestFault
from bpx.simulator.simulator import Simulator
from bpx.simulator.venue import Reply, Request
from tests.faults.abuse import rest_of
from tests.faults.figures import figure
from tests.faults.inside import ROOT, Inside, Seen, inside
from tests.faults.scale import full_or
from tests.faults.stage import percentile
from tests.fidelity.judge import BEST
from tests.peers.place import QUICK, upstream_of
from tests.proxy import Proxy, running_proxy
from tests.waiting import eventually

MARKETS = pytest.mark.parametrize("market", ["spot", "futures"])
NOON_MS = 1_795_348_800_000
FOLLOWED = (
    "klines?symbol=BTCUSDT&interval=1m&limit=5",
    "depth?symbol=BTCUSDT&limit=20",
    "ticker/24hr?symbol=BTCUSDT",
)


@pytest.fixture(scope="module", params=["spot", "futures"])
def still(request: pytest.FixtureRequest) -> Iterator[Inside]:
    """Time stands still, so that any answer is what the exchange says now."""
    with inside(request.param, paused=True, start_ms=NOON_MS) as here:
        here.follow(*FOLLOWED)
        here.ask("klines?symbol=BTCUSDT&interval=1d&limit=5")
        yield here


def says(here: Inside, endpoint: str, **headers: str) -> Reply:
    """Return what the exchange itself answers."""
    sent = {name.replace("_", "-").lower(): text for name, text in headers.items()}
    asked = Request("GET", here.path(endpoint), sent)
    return here.exchange.call(lambda: here.exchange.venue.reply(asked, here.exchange.now_ms))


def same(here: Inside, endpoint: str, **headers: str) -> str:
    """Ask both; the answers must be one. Return where the proxy's was from."""
    ours, theirs = here.ask(endpoint, **headers), says(here, endpoint, **headers)
    assert (ours.status, ours.body) == (theirs.status, theirs.body), endpoint
    return ours.source


# E9

ZONES = [
    f"{sign}{hours}{minutes}"
    for sign in ("-", "", "%2B")
    for hours in (3, 8, 12)
    for minutes in ("", ":00", ":30")
]
ZONES += ["14", "14:00", "-12:00", "0:30", "15", "-13"]
MINUTE_MS = 60_000
OPEN_MS = NOON_MS - 10 * MINUTE_MS


@pytest.mark.parametrize("interval", ["1s", "1m", "1d", "3d", "1w", "1M"])
def test_e9_windows_and_zones_mean_what_they_mean_to_the_exchange(
    still: Inside, interval: str
) -> None:
    base = f"klines?symbol=BTCUSDT&interval={interval}"
    plain = ["&limit=1", "&limit=3", "&limit=1000", ""]
    windows = [
        f"&startTime={OPEN_MS}", f"&startTime={OPEN_MS + 1}", f"&startTime={OPEN_MS - 1}",
        f"&endTime={OPEN_MS}", f"&endTime={OPEN_MS - 1}", f"&endTime={OPEN_MS + MINUTE_MS - 1}",
        f"&startTime={OPEN_MS}&endTime={OPEN_MS}", f"&startTime={OPEN_MS}&endTime={NOON_MS}",
        f"&startTime={NOON_MS}&endTime={OPEN_MS}", f"&startTime={NOON_MS * 2}",
        f"&endTime={NOON_MS * 2}", f"&startTime={OPEN_MS}000", "&startTime=0&limit=2",
    ]  # fmt: skip
    windows += [f"{one}&limit=3" for one in windows]
    for window in plain:
        same(still, base + window)
    sources = {same(still, base + window) for window in windows}
    assert sources == {"upstream"} or sources == {"upstream", "cache"}  # a refusal is kept
    zones = [f"{base}&limit=3&timeZone={zone}" for zone in ZONES]
    for asked in zones:
        assert still.ask(asked).source in ("upstream", "cache")
        same(still, asked)
    figure("E9", market=still.root, interval=interval, compared=len(windows) + len(zones) + 4)


@pytest.mark.parametrize("name", ["X_MBX_TIME_UNIT", "X_MBX_SBE"])
def test_e9_another_unit_or_form_is_left_to_the_exchange(still: Inside, name: str) -> None:
    for endpoint in (*FOLLOWED, "exchangeInfo"):
        text = "MICROSECOND" if name == "X_MBX_TIME_UNIT" else "3:1"
        assert same(still, endpoint, **{name: text}) == "upstream"


# E10

UNKNOWN = [
    "&foo=1", "&symbol=ETHUSDT", "&symbol=BTCUSDT", "&Symbol=BTCUSDT", "&symbolStatus=HALT",
    "&limit=5&limit=6", "&", "&&", "&=1", "&symbol", "#", "&%00=1", "&timestamp=1", "&signature=a",
]  # fmt: skip


@pytest.mark.parametrize("endpoint", FOLLOWED)
def test_e10_what_is_not_known_or_is_there_twice_is_the_exchanges_to_judge(
    still: Inside, endpoint: str
) -> None:
    for extra in UNKNOWN:
        asked = endpoint + extra
        before = len(still.exchange.requests)
        answer, theirs = still.ask(asked), says(still, asked.partition("#")[0])
        assert (answer.status, answer.body) == (theirs.status, theirs.body), asked
        if extra != "#":
            assert answer.source != "websocket", asked
            assert len(still.exchange.requests) > before or answer.source == "cache", asked
    lower = still.ask(endpoint.replace("BTCUSDT", "btcusdt"))
    assert lower.body == says(still, endpoint.replace("BTCUSDT", "btcusdt")).body
    figure("E10", market=still.root, endpoint=endpoint.partition("?")[0], compared=len(UNKNOWN) + 1)


# E13


@MARKETS
def test_e13_time_and_ping_are_the_exchanges_each_time(market: str) -> None:
    calls, most_ms = full_or(1_000, 100), 0
    with inside(market) as here:
        before = here.asked("time") + here.asked("ping")
        for _ in range(calls // 2):
            sent_ms = here.exchange.now_ms
            answer, ping = here.ask("time"), here.ask("ping")
            came_ms = here.exchange.now_ms
            assert answer.source == ping.source == "upstream"
            assert sent_ms <= answer.content["serverTime"] <= came_ms
            most_ms = max(most_ms, came_ms - answer.content["serverTime"])
        with ThreadPoolExecutor(10) as pool:  # nor do two who ask at once share an answer
            list(pool.map(here.ask, ["time"] * (calls // 2)))
        assert here.asked("time") + here.asked("ping") - before == calls // 2 * 3
    figure("E13", market=market, calls=calls // 2 * 3, most_ms_after=most_ms)


# E14

STREAMS = ("btcusdt@kline_1m", "btcusdt@depth20@100ms", "btcusdt@ticker")


@MARKETS
def test_e14_the_age_of_an_answer_is_true(market: str) -> None:
    samples, too_young_ms, too_old_ms = full_or(2_000, 150), 0.0, []
    with inside(market) as here:
        here.follow(*FOLLOWED)
        eventually(lambda: all(map(here.exchange.last_sent, STREAMS)))
        for number in range(samples):
            endpoint, stream = FOLLOWED[number % 3], STREAMS[number % 3]
            oldest = here.exchange.last_sent(stream)
            asked_ms = here.exchange.now_ms
            answer = here.ask(endpoint)
            newest, came_ms = here.exchange.last_sent(stream), here.exchange.now_ms
            assert answer.source == "websocket"
            assert not [name for name in answer.headers if name.lower().startswith("x-mbx-used")]
            assert oldest is not None
            assert newest is not None
            too_young_ms = max(too_young_ms, asked_ms - newest.at_ms - answer.age_ms)
            # A message may be on its way: then the age is that of the one before, and true.
            too_old_ms.append(answer.age_ms - (came_ms - oldest.at_ms))
            Event().wait(0.01)
        fetched_ms = [row.at_ms for row in here.exchange.requests if "exchangeInfo" in row.target]
        listing = here.ask("exchangeInfo")
        assert abs(here.exchange.now_ms - fetched_ms[-1] - listing.age_ms) <= 100
        first, second = here.ask("ticker/price"), here.ask("ticker/price")
        assert (first.source, second.source) == ("upstream", "cache")
        assert second.age_ms <= 1_000
        for kept in (listing, second):
            assert not [name for name in kept.headers if name.lower().startswith("x-mbx-used")]
    p95_ms = percentile(too_old_ms, 0.95)
    figure("E14", market=market, answers=samples, too_young_ms=too_young_ms, too_old_p95_ms=p95_ms)
    assert too_young_ms <= 100
    assert p95_ms <= 100


# E15, E16: over the wire


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Proxy, Simulator, Simulator]]:
    """The real server in front of both markets."""
    accounts = {"key": "secret"}
    with (
        Simulator("spot", accounts=accounts) as spot,
        Simulator("futures", accounts=accounts) as futures,
        running_proxy("both", QUICK | upstream_of(spot, futures)) as proxy,
    ):
        for url, root in zip(proxy.urls, ROOT.values(), strict=True):
            path = f"{root}/exchangeInfo"
            eventually(lambda u=url, p=path: ("Data-Source", "cache") in get(u, p)[1])
        yield proxy, spot, futures


def get(
    url: str, target: str, method: str = "GET", **headers: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Ask once; underscores in names of headers stand for dashes."""
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    client.putrequest(method, target, skip_accept_encoding=True)
    for name, text in sent.items():
        client.putheader(name, text)
    client.endheaders()
    reply = client.getresponse()
    body = reply.read()
    client.close()
    return reply.status, reply.getheaders(), body


@pytest.mark.parametrize("codings", [None, "identity", "gzip", "br", "gzip, br", "gzip;q=0", "*"])
@pytest.mark.parametrize("endpoint", [*FOLLOWED, "exchangeInfo", "ticker/price", "time"])
def test_e15_whatever_coding_is_accepted_the_body_is_the_same(
    wire: tuple[Proxy, Simulator, Simulator], endpoint: str, codings: str | None
) -> None:
    for url, root in zip(wire[0].urls, ROOT.values(), strict=True):
        target = f"{root}/{endpoint}"
        accepted = {} if codings is None else {"Accept_Encoding": codings}
        status, headers, body = get(url, target, **accepted)
        found = [text for name, text in headers if name.lower() == "content-encoding"]
        assert status == 200
        assert found in ([], ["gzip"])
        if found:
            assert codings is not None
            assert "gzip" in codings or codings == "*"
            assert codings != "gzip;q=0"
            body = gzip.decompress(body)
        json.loads(body)
        if endpoint == "exchangeInfo":
            assert ("Vary", "Accept-Encoding") in headers
        lengths = [int(text) for name, text in headers if name.lower() == "content-length"]
        assert len(lengths) == 1
        _, head, nothing = get(url, target, "HEAD", **accepted)
        assert nothing == b""
        told = [int(text) for name, text in head if name.lower() == "content-length"]
        if endpoint in ("exchangeInfo", FOLLOWED[0]):  # the others change from moment to moment
            assert len(told) == 1
            assert abs(told[0] - lengths[0]) <= 40


FULL_WIDTH = "\uff11\uff12\uff13\uff14\uff15\uff16"  # 123456
UNICODE = [("spot", "这是测试币456"), ("spot", FULL_WIDTH), ("futures", "币安人生USDT")]


@pytest.mark.parametrize(("market", "symbol"), UNICODE)
def test_e16_unicode_symbols_work_from_end_to_end(
    wire: tuple[Proxy, Simulator, Simulator], market: str, symbol: str
) -> None:
    proxy, *exchanges = wire
    place = list(ROOT).index(market)
    url, exchange, root = proxy.urls[place], exchanges[place], ROOT[market]
    for endpoint in FOLLOWED:
        asked = f"{root}/{endpoint.replace('BTCUSDT', quote(symbol))}"
        answers = []

        def is_from_a_stream(target: str = asked, seen: list[bytes] = answers) -> bool:
            status, headers, body = get(url, target)
            assert status == 200, body
            seen.append(body)
            return ("Data-Source", "websocket") in headers

        eventually(is_from_a_stream)
        stream = STREAM_OF[endpoint].format(symbol.lower())
        eventually(lambda name=stream: exchange.last_sent(name) is not None)
        with paused(exchange):
            eventually(lambda one=asked, name=stream: is_told(exchange, url, one, name))
    names = {name for one in exchange.connections for name in one.streams}
    assert {f"{symbol.lower()}@kline_1m", f"{symbol.lower()}@ticker"} <= names
    price = {"spot": "&price=0.1&timeInForce=GTC", "futures": "&price=0.2&timeInForce=GTC"}[market]
    query = f"symbol={quote(symbol)}&side=BUY&type=LIMIT&quantity=1{price}&timestamp="
    query += f"{exchange.now_ms}"
    signature = hmac.new(b"secret", query.encode(), "sha256").hexdigest()
    get(url, f"{root}/order?{query}&signature={signature}", "POST", X_MBX_APIKEY="key")
    ledger = exchange.call(lambda: list(exchange.venue.ledger))  # type: ignore[attr-defined]
    (order,) = [row for row in ledger if quote(symbol) in row.target]
    assert order.verified
    assert order.target == f"{root}/order?{query}&signature={signature}"


def test_e16_a_raw_target_that_is_not_encoded_is_refused_as_json(
    wire: tuple[Proxy, Simulator, Simulator],
) -> None:
    host, port = wire[0].address
    client = http.client.HTTPConnection(host, port, timeout=20)
    client.connect()
    assert client.sock is not None
    client.sock.sendall("GET /api/v3/depth?symbol=币&limit=5 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    reply = rest_of(client.sock)
    client.close()
    assert reply.startswith(b"HTTP/1.1 400")
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["code"] < 0


STREAM_OF = dict(zip(FOLLOWED, ("{}@kline_1m", "{}@depth20@100ms", "{}@ticker"), strict=True))


def is_told(exchange: Simulator, url: str, target: str, stream: str) -> bool:
    """Whether the answer is the exchange's own as of the newest message of that stream."""
    told = exchange.last_sent(stream)
    assert told is not None
    _, headers, body = get(url, target)
    assert ("Data-Source", "websocket") in headers
    ours, theirs = json.loads(body), json.loads(exchange.reply("GET", target, told.at_ms).body)
    if "ticker" in target:
        for name in BEST:  # another stream tells them
            assert (name in ours) == (name in theirs)
            ours.pop(name, None)
            theirs.pop(name, None)
    return bool(ours == theirs)


@contextmanager
def paused(exchange: Simulator) -> Iterator[None]:
    """Let an exchange stand still."""
    exchange.pause()
    yield
    exchange.resume()


# E18

RTT_S = 0.3
SYMBOLS = ("XRPUSDT", "DOGEUSDT", "SOLUSDT", "ADAUSDT", "LINKUSDT")


@pytest.mark.parametrize("fault", ["silent streams", "a black hole", "refused handshakes"])
@MARKETS
def test_e18_the_first_who_asks_does_not_wait_for_a_push(market: str, fault: str) -> None:
    with inside(market, paused=True, start_ms=NOON_MS) as here:
        if fault == "silent streams":
            here.exchange.faults.silence("*")
        elif fault == "a black hole":
            here.exchange.faults.black_hole()
        else:
            here.exchange.faults.refuse_handshakes(Refusal(503))
        for endpoint in ("klines", "depth", "ticker"):
            here.exchange.faults.break_rest(RestFault(f"{here.root}/{endpoint}", delay_s=RTT_S))
        asked = [one.replace("BTCUSDT", name) for one in FOLLOWED for name in SYMBOLS]
        for endpoint in asked:
            here.truth(endpoint)  # the model of a symbol takes a moment to be made
        with ThreadPoolExecutor(len(FOLLOWED)) as pool:
            rounds = [list(pool.map(here.ask, asked[at :: len(SYMBOLS)])) for at in range(5)]
    answers = [rounds[n % len(SYMBOLS)][n // len(SYMBOLS)] for n in range(len(asked))]
    longest_s = [max(answer.took_s for answer in several) for several in rounds]
    figure("E18", market=market, fault=fault, answers=len(answers), first_s=longest_s[0],
           longest_s=max(longest_s))  # fmt: skip
    # REST's word is as good as a stream's if that was subscribed before it was asked.
    assert {answer.status for answer in answers} == {200}
    assert {answer.source for answer in answers} <= {"upstream", "websocket"}
    assert fault == "silent streams" or {answer.source for answer in answers} == {"upstream"}
    with inside(market, paused=True, start_ms=NOON_MS) as there:  # another, just like it
        for endpoint, answer in zip(asked, answers, strict=True):
            assert answer.body == there.truth(endpoint)
    # The row's own number where nothing else runs: the exchange and the proxy share our cores.
    assert max(longest_s) <= RTT_S + full_or(20, 100) / 100


# E19

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
ERRORS = {
    "429": RestFault(status=429, body=b'{"code":-1003,"msg":"Too much request weight used."}',
                     headers={"Retry-After": "1"}),
    "418": RestFault(status=418, body=b'{"code":-1003,"msg":"IP banned"}',
                     headers={"Retry-After": "1"}),
    "500": RestFault(status=500, body=b'{"code":-1000,"msg":"An unknown error occured."}'),
    "503 as a page": RestFault(status=503, body=HTML, headers={"Content-Type": "text/html"}),
    "a page with 200": RestFault(status=200, body=HTML, headers={"Content-Type": "text/html"}),
    "{} with 200": RestFault(status=200, body=b"{}"),
    "an error with 200": RestFault(status=200, body=b'{"code":-1000,"msg":"x"}'),
    "half a body": RestFault(ending=Ending.HALF),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole_eager() -> Iterator[Inside]:
    with inside("spot", BPX_FRESH_EXCHANGE_INFO="200ms") as here:
        yield here


@pytest.fixture
def eager(whole_eager: Inside) -> Iterator[Inside]:
    """A market whose exchangeInfo is fetched again and again."""
    yield whole_eager
    whole_eager.exchange.faults.clear()


@pytest.mark.parametrize("error", ERRORS)
def test_e19_an_error_is_never_kept_as_data(eager: Inside, error: str) -> None:
    here, kept = eager, ("exchangeInfo", "ticker/price")
    here.follow(*FOLLOWED)
    good = here.ask("exchangeInfo").content["symbols"]
    here.exchange.faults.silence("*")
    here.exchange.faults.break_rest(ERRORS[error])
    here.exchange.drop_connections()
    eventually(lambda: here.ask(FOLLOWED[1]).source != "websocket")
    fetched = here.asked("exchangeInfo")
    Event().wait(1.1)  # what REST said before is not said again
    for endpoint in (*FOLLOWED, *kept):
        for _ in range(3):
            judge(here.ask(endpoint), endpoint)
    if error not in ("429", "418"):  # then one ping at a time is all that is asked
        eventually(lambda: here.asked("exchangeInfo") > fetched)
    listing = here.ask("exchangeInfo")
    assert (listing.source, listing.content["symbols"]) == ("cache", good)
    here.exchange.faults.clear()
    for endpoint in (*FOLLOWED, *kept):  # a hold is over after a second
        eventually(lambda asked=endpoint: here.ask(asked).status == 200)
        content = here.ask(endpoint).content
        assert len(content) >= 3, endpoint
        assert "code" not in content
    assert here.ask("exchangeInfo").content["symbols"] == good


def judge(answer: Seen, endpoint: str) -> None:
    """An error may be passed on, as the exchange's own word; nothing else says it."""
    if answer.status == 200 and answer.source != "upstream":
        assert len(answer.content) >= 3, endpoint
        assert "code" not in answer.content, endpoint
