"""Every option does what it says: from its name to what a client, Binance or the operator sees.

`EFFECT_TESTED_BY` tells where; the tests here are those that have no better place.
"""

import ast
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from threading import Event
from time import monotonic
from urllib.request import urlopen

import pytest
import requests

from benchmarks.recipes import RECIPES
from bpx.feed.health import Health
from bpx.feed.report import Reported
from bpx.operators.app import create_operators_app
from bpx.settings import load
from bpx.settings.reading import OPTIONS, unknown_variables
from bpx.simulator.faults import Refusal
from bpx.simulator.simulator import Simulator
from tests.application import application
from tests.proxy import ROOT, free_port, running, wait_for_server
from tests.waiting import eventually

HERE = "tests/test_options.py"
CLI = "tests/cli/test_main.py"
PORTS = f"{CLI}::test_both_markets_are_served_where_the_flags_of_the_original_say"
CONNECTION = "tests/server/test_connection.py"
FAULTS = "tests/faults/test_options.py"
LOG = "tests/server/test_log.py"
MEMORY = "tests/server/test_memory_options.py"
WIRE = "tests/streams/test_wire.py"
SECURITY = "tests/security/test"
UPSTREAM = "tests/peers/test_upstream_use.py"

EFFECT_TESTED_BY = {
    "server.host": f"{CLI}::test_the_host_is_where_the_port_is_open",
    "server.port-spot": PORTS,
    "server.port-futures": PORTS,
    "server.read-timeout": f"{CONNECTION}::test_a_head_that_drips_is_cut",
    "server.write-timeout": f"{CONNECTION}::test_a_client_that_does_not_take_its_answer_is_reset",
    "server.idle-timeout": f"{CONNECTION}::test_an_idle_connection_is_closed_without_a_word",
    "server.fast-lane": "tests/server/test_lane_differential.py"
    "::test_known_odd_hostile_cut_and_pipelined_requests_get_the_same_bytes",
    "server.shutdown-timeout": "tests/server/test_worker.py"
    "::test_a_request_that_outlasts_the_shutdown_timeout_is_cut",
    "ratelimit.spot-rps": f"{HERE}::test_the_budget_of_requests_is_the_options",
    "ratelimit.futures-rps": f"{HERE}::test_the_budget_of_requests_is_the_options",
    "ratelimit.burst-multiplier": f"{HERE}::test_the_budget_of_requests_is_the_options",
    "ratelimit.weight-share": f"{HERE}::test_each_of_several_proxies_spends_its_part_of_the_weight",
    "features.enable-metrics": f"{CLI}"
    "::test_the_operators_port_is_open_only_if_metrics_are_enabled",
    "features.metrics-port": f"{CLI}::test_the_operators_port_is_open_only_if_metrics_are_enabled",
    "features.enable-pprof": "tests/server/test_profiling.py"
    "::test_profiles_are_there_only_if_the_option_says_so",
    "features.enable-memory-monitoring": "tests/operators/test_memory.py"
    "::test_the_page_is_there_only_if_the_option_says_so",
    "operator-networks": "tests/server/test_operator_networks.py"
    "::test_other_machines_see_the_pages_if_their_network_is_named",
    "features.disable-fake-candles": f"{HERE}::test_no_candle_is_made_if_the_operator_wants_none",
    "candles.close-wait-spot": f"{HERE}::test_a_candle_that_has_ended_is_waited_for_that_long",
    "candles.close-wait-futures": f"{HERE}::test_a_candle_that_has_ended_is_waited_for_that_long",
    "ticker.last-price": "tests/test_app.py"
    "::test_the_last_price_may_come_from_the_book_ticker_as_in_the_original",
    "freshness.quiet-check": f"{HERE}::test_a_quiet_stream_is_checked_and_then_checked_again",
    "freshness.check-interval": f"{HERE}::test_a_quiet_stream_is_checked_and_then_checked_again",
    "freshness.kept": f"{HERE}::test_a_reply_of_rest_stands_that_long_while_streams_are_down",
    "freshness.alive": f"{HERE}::test_a_connection_without_a_frame_is_not_believed_for_longer",
    "freshness.exchange-info": f"{HERE}::test_exchange_info_is_fetched_that_often",
    "websocket.handshake-timeout": f"{HERE}::test_a_handshake_that_hangs_is_given_up",
    "websocket.ping-interval": f"{HERE}::test_a_connection_is_pinged_that_often_at_least",
    "websocket.pong-timeout": f"{HERE}::test_a_connection_that_answers_no_ping_is_replaced",
    "websocket.reconnect-delay": f"{HERE}::test_the_first_reconnects_come_that_soon",
    "websocket.max-reconnect-delay": f"{HERE}::test_no_reconnect_waits_longer",
    "websocket.max-reconnects": f"{HERE}::test_so_many_failures_in_a_row_are_called_failing",
    "websocket.max-age": f"{HERE}::test_a_connection_is_replaced_before_it_is_that_old",
    "websocket.enable-health-check": f"{HERE}::test_all_streams_are_looked_at_that_often_if_at_all",
    "websocket.health-check-interval": f"{HERE}"
    "::test_all_streams_are_looked_at_that_often_if_at_all",
    "websocket.buffer-size": f"{WIRE}::test_as_many_bytes_are_asked_for_as_the_option_says",
    "websocket.enable-compression": f"{WIRE}::test_compression_is_negotiated_if_the_option_says_so",
    "websocket.message-queue-size": f"{HERE}::test_that_many_messages_may_wait",
    "upstream.spot-rest": f"{UPSTREAM}::test_b38_every_host_can_be_chosen",
    "upstream.spot-ws": f"{UPSTREAM}::test_b38_every_host_can_be_chosen",
    "upstream.futures-rest": f"{UPSTREAM}::test_b38_every_host_can_be_chosen",
    "upstream.futures-ws": f"{UPSTREAM}::test_b38_every_host_can_be_chosen",
    "upstream.ca-file": "tests/test_app.py::test_over_tls_with_a_certificate_of_ones_own",
    "security.keys-file": f"{SECURITY}_keys.py::test_g7_without_a_key_there_is_nothing",
    "security.keys": "tests/access/test_keyfile.py"
    "::test_the_keys_of_the_file_and_of_the_options_are_one",
    "security.client-rps": f"{SECURITY}_limits.py::test_a_client_that_asks_too_often_has_to_wait",
    "security.client-burst": f"{SECURITY}_limits.py::test_a_client_that_asks_too_often_has_to_wait",
    "security.client-weight": f"{SECURITY}_limits.py::test_a_client_spends_no_more_than_its_weight",
    "security.client-feeds": f"{SECURITY}_limits.py"
    "::test_d12_one_client_begins_no_more_than_its_feeds_and_all_are_answered",
    "security.allow": f"{SECURITY}_doors.py"
    "::test_g8_behind_a_proxy_the_last_address_that_it_has_seen_counts",
    "security.deny": f"{SECURITY}_front.py"
    "::test_g8_behind_a_real_proxy_what_a_client_says_of_itself_counts_for_nothing",
    "security.proxy-hops": f"{SECURITY}_doors.py"
    "::test_g8_behind_a_proxy_the_last_address_that_it_has_seen_counts",
    "security.proxies": "tests/access/test_addresses.py"
    "::test_g8_the_last_proxy_that_is_not_ours_is_the_client",
    "security.hosts": f"{SECURITY}_doors.py::test_g10_a_name_that_is_not_ours_gets_nothing",
    "security.cors-origins": f"{SECURITY}_doors.py::test_g10_a_listed_site_may_read_and_no_other",
    "security.paths": f"{SECURITY}_doors.py"
    "::test_g5_it_is_opted_in_by_one_option_and_all_but_trading_is_shut_by_another",
    "security.allow-withdrawals": f"{SECURITY}_doors.py"
    "::test_g5_it_is_opted_in_by_one_option_and_all_but_trading_is_shut_by_another",
    "security.audit-file": f"{SECURITY}_plane.py"
    "::test_the_audit_log_says_who_did_what_and_never_a_secret",
    "security.allow-open": f"{SECURITY}_plane.py"
    "::test_g16_in_production_open_doors_are_refused_unless_they_are_meant",
    "tls.cert-file": f"{SECURITY}_tls.py"
    "::test_g11_requests_are_answered_over_tls_and_connections_are_kept",
    "tls.key-file": f"{SECURITY}_tls.py"
    "::test_g11_requests_are_answered_over_tls_and_connections_are_kept",
    "tls.client-ca-file": f"{SECURITY}_tls.py"
    "::test_g11_clients_may_need_a_certificate_and_operators_do_not",
    "recovery.max-retries": f"{FAULTS}"
    "::test_a_feeds_question_is_asked_again_as_often_as_the_option_says",
    "recovery.base-delay": f"{FAULTS}"
    "::test_the_delays_rule_how_soon_exchange_info_is_asked_for_again",
    "recovery.max-delay": f"{FAULTS}"
    "::test_the_delays_rule_how_soon_exchange_info_is_asked_for_again",
    "recovery.enable-circuit-breaker": f"{FAULTS}::test_without_the_option_no_breaker_opens",
    "recovery.failure-threshold": f"{FAULTS}"
    "::test_the_threshold_says_how_many_failures_open_a_breaker",
    "cache.reply-ttl": f"{FAULTS}::test_with_the_option_off_nothing_is_kept_but_refusals",
    "memory.max-memory-mb": f"{MEMORY}::test_without_room_nothing_is_followed_and_it_shows",
    "memory.gc-target-percent": f"{MEMORY}::test_garbage_is_looked_for_as_often_as_the_options_say",
    "memory.enable-optimization": f"{MEMORY}"
    "::test_garbage_is_looked_for_as_often_as_the_options_say",
    "memory.pool-size": f"{MEMORY}::test_no_more_connections_are_opened_than_the_pool_has",
    "memory.buffer-size": f"{MEMORY}::test_as_much_is_read_at_a_time_as_the_buffer_holds",
    "logging.level": f"{LOG}::test_below_its_level_the_server_is_silent",
    "logging.format": f"{LOG}::test_every_line_of_the_server_is_json_if_asked_for",
    "logging.output": f"{LOG}::test_the_log_may_be_a_file_that_is_rotated",
    "logging.enable-structured": f"{LOG}::test_lines_end_with_their_fields_if_asked_for",
    "logging.max-size-mb": f"{LOG}::test_a_full_log_is_put_aside",
    "logging.max-backups": f"{LOG}::test_a_full_log_is_put_aside",
    "logging.compress": f"{LOG}::test_a_full_log_is_put_aside",
    "logging.max-age-days": f"{LOG}::test_log_files_that_are_old_or_too_many_are_deleted",
    "logging.max-disk-mb": f"{LOG}::test_log_files_that_are_old_or_too_many_are_deleted",
    "logging.cleanup-interval": f"{LOG}::test_log_files_that_are_old_or_too_many_are_deleted",
    "logging.enable-rate-limit": f"{LOG}"
    "::test_debug_messages_that_are_too_many_are_left_out_and_counted",
    "logging.rate-limit": f"{LOG}::test_debug_messages_that_are_too_many_are_left_out_and_counted",
    "logging.burst-limit": f"{LOG}::test_debug_messages_that_are_too_many_are_left_out_and_counted",
    "logging.enable-sampling": f"{LOG}::test_what_is_said_again_and_again_is_sampled_if_asked_for",
    "disable-spot": f"{CLI}::test_a_disabled_market_has_no_port",
    "disable-futures": f"{CLI}::test_a_disabled_market_has_no_port",
    "env": "tests/settings/test_profiles.py::test_an_environment_has_other_defaults",
    "always-show-forwards": f"{CLI}::test_forwards_are_shown_if_asked_for",
}
TICKER = "/api/v3/ticker/24hr?symbol=BTCUSDT"
ROOTS = {"spot": "/api/v3", "futures": "/fapi/v1"}
WEIGHT = "X-MBX-USED-WEIGHT-1M"
MINUTE_MS = 60_000
CONNECTS = "bpx_stream_connects_total"


# Nothing is declared that is not tested


def test_every_option_has_a_test_of_its_effect() -> None:
    assert set(EFFECT_TESTED_BY) == {option.name for option in OPTIONS.values()}


@pytest.mark.parametrize("node", sorted(set(EFFECT_TESTED_BY.values())))
def test_the_tests_of_effects_exist(node: str) -> None:
    path, _, name = node.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert name in {row.name for row in tree.body if isinstance(row, ast.FunctionDef)}


OLDER_NAMES = [
    (option.name, older)
    for option in OPTIONS.values()
    for older in (*option.flags, option.legacy_variable)
    if older is not None and older != "BPX_VERBOSE"
]


@pytest.mark.parametrize(("name", "older"), OLDER_NAMES)
def test_an_older_name_is_the_same_option(name: str, older: str) -> None:
    has_value = not name.startswith(("disable-", "always-", "features."))
    text = "1234" if has_value else "true"
    newer = load([f"--{name}={text}"], {})
    if older.startswith("BPX_"):
        assert load([], {older: text}) == newer
    else:
        assert load([older, text] if has_value else [older], {}) == newer
    assert newer != load([], {})


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_the_originals_recipes_for_tuning_are_understood_as_written(recipe: dict[str, str]) -> None:
    settings = load([], recipe)
    assert unknown_variables(recipe) == []
    assert (settings != load([], {})) is bool(recipe)


# What the tests share


@pytest.fixture(scope="module")
def exchanges() -> Iterator[dict[str, Simulator]]:
    """Two exchanges whose clocks stand still."""
    with Simulator("spot", paused=True) as spot, Simulator("futures", paused=True) as futures:
        yield {"spot": spot, "futures": futures}


@pytest.fixture
def spot(exchanges: dict[str, Simulator]) -> Iterator[Simulator]:
    yield from unharmed(exchanges["spot"])


@pytest.fixture
def futures(exchanges: dict[str, Simulator]) -> Iterator[Simulator]:
    yield from unharmed(exchanges["futures"])


def unharmed(sim: Simulator) -> Iterator[Simulator]:
    """Give an exchange in the middle of a minute, and mend it afterwards."""
    sim.step((MINUTE_MS * 3 // 2 - sim.now_ms) % MINUTE_MS)
    sim.requests.clear()
    yield sim
    sim.faults.clear()
    eventually(lambda: sim.connections == [])


def client_of(app):
    """Return a client of an application that knows the symbols."""
    client, market = app.test_client(), app.extensions["bpx.house"].market.name
    eventually(lambda: source(client.get(f"{ROOTS[market]}/exchangeInfo")) == "cache")
    return client


def source(reply) -> str:
    return reply.headers["Data-Source"]


def age_s(reply) -> float:
    """Return how old an answer of ours is; endless if it is none."""
    return float(reply.headers.get("Data-Age-Ms", inf)) / 1000


def follow(sim: Simulator, client, target: str, stream: str) -> None:
    """Have a stream followed until it has told what is asked for."""
    client.get(target)
    eventually(lambda: any(stream in one.streams for one in sim.connections))
    sim.step(2_000)
    eventually(lambda: source(client.get(target)) == "websocket")


def asked(sim: Simulator, target: str) -> int:
    return sum(row.target == target for row in sim.requests)


def shown(app, name: str) -> float:
    """Return what the operators' page says of a market's metric."""
    page = create_operators_app([app.extensions["bpx.registry"]]).test_client().get("/metrics")
    market = app.extensions["bpx.house"].market.name
    found = re.search(rf'^{name}{{market="{market}"}} (\S+)$', page.text, re.MULTILINE)
    return float(found[1]) if found else 0.0


# Rate limits


@pytest.mark.parametrize(
    ("market", "options", "wait_s"),
    [
        ("spot", {"BPX_RATE_SPOT_RPS": "1", "BPX_RATE_BURST_MULTIPLIER": "1"}, 100 - 21),
        ("spot", {"BPX_RATE_SPOT_RPS": "1", "BPX_RATE_BURST_MULTIPLIER": "2"}, 100 - 42),
        ("spot", {"BPX_RATE_SPOT_RPS": "2", "BPX_RATE_BURST_MULTIPLIER": "1"}, (100 - 42) / 2),
        ("spot", {"BPX_RATE_SPOT_RPS": "2", "BPX_RATE_BURST_MULTIPLIER": "1",
                  "BPX_RATE_WEIGHT_SHARE": "0.5"}, 100 - 21),
        ("spot", {"BPX_RATE_FUTURES_RPS": "1", "BPX_RATE_BURST_MULTIPLIER": "1"}, 0),
        ("futures", {"BPX_RATE_FUTURES_RPS": "1", "BPX_RATE_BURST_MULTIPLIER": "1"}, 100 - 21),
    ],
)  # fmt: skip
def test_the_budget_of_requests_is_the_options(request, market, options, wait_s):
    sim, began = request.getfixturevalue(market), monotonic()
    with application(sim, **options) as app:
        client, path = client_of(app), ROOTS[market]
        for _ in range(100):  # orders are counted, and never kept back
            assert source(client.post(f"{path}/order")) == "upstream"
        reply = client.get(f"{path}/time")
        # At most: what was counted first has leaked for so long, and one a second does.
        leaked_s, more_s = monotonic() - began, len(sim.requests) - 100
    if wait_s == 0:
        assert reply.status_code == 200
    else:  # market data may use seven tenths of the burst
        assert reply.status_code == 429
        assert wait_s - 1 - leaked_s <= int(reply.headers["Retry-After"]) <= wait_s + 1 + more_s


def test_each_of_several_proxies_spends_its_part_of_the_weight(spot):
    book = "/api/v3/depth?symbol=BTCUSDT&limit=5000"  # costs 250
    quarter = {"BPX_RATE_WEIGHT_SHARE": "0.25", "BPX_RATE_SPOT_RPS": "1000"}
    spot.step(MINUTE_MS)
    with application(spot, **quarter) as one, application(spot, **quarter) as other:
        for app in (one, other):  # the exchange counts both together
            client = client_of(app)
            answers = [client.get(f"{book}{'&' * number}") for number in range(6)]
            fitting = int(6000 * 0.25 * 0.7 / 250)
            assert [answer.status_code for answer in answers] == [200] * fitting + [429] * 2
        assert shown(other, "bpx_upstream_weight_limit") == 6000
    assert 2 * fitting * 250 <= used_weight(spot) < 2 * fitting * 250 + 100


def used_weight(sim: Simulator) -> int:
    """Return what the exchange has counted."""
    return int(requests.get(f"{sim.rest_url}/api/v3/ping", timeout=5).headers[WEIGHT])


# Candles


@pytest.mark.parametrize("flags", [(), ("-c",)])
def test_no_candle_is_made_if_the_operator_wants_none(spot, flags):
    target = "/api/v3/klines?symbol=BTCTRY&interval=1m&limit=3"
    with application(spot, *flags, BPX_FRESH_KEPT="1ms") as app:
        client = client_of(app)
        follow(spot, client, target, "btctry@kline_1m")
        end_ms, began = spot.now_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS, monotonic()
        spot.step(end_ms + 60 - spot.now_ms)
        replies = []

        def has_ended() -> bool:
            replies.append(client.get(target))
            is_new = age_s(replies[-1]) < monotonic() - began
            return is_new and (bool(flags) or "Data-Synthetic" in replies[-1].headers)

        eventually(has_ended)
        reply = replies[-1]
    assert source(reply) == "websocket"
    assert ("Data-Synthetic" in reply.headers) is (not flags)
    assert reply.json[-1][0] == (end_ms - MINUTE_MS if flags else end_ms)


@pytest.mark.parametrize(
    ("market", "wait", "least_s"),  # the defaults are 800 ms and 2.5 s
    [("spot", "1200ms", 1.1), ("futures", "3500ms", 3.4)],
)
def test_a_candle_that_has_ended_is_waited_for_that_long(request, market, wait, least_s):
    sim, path = request.getfixturevalue(market), ROOTS[market]
    target = f"{path}/klines?symbol=BTCUSDT&interval=1m&limit=3"
    ticker = f"{path}/ticker/24hr?symbol=BTCUSDT"
    with application(sim, **{f"BPX_CANDLES_CLOSE_WAIT_{market.upper()}": wait}) as app:
        client = client_of(app)
        follow(sim, client, ticker, "btcusdt@ticker")
        follow(sim, client, target, "btcusdt@kline_1m")
        sim.faults.silence("btcusdt@kline_1m")
        end_ms, began = sim.now_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS, monotonic()
        sim.step(end_ms + 1 - sim.now_ms)
        told = json.loads(sim.last_sent("btcusdt@ticker").payload) | {"E": end_ms + 1, "c": "7.7"}
        sim.send("btcusdt@ticker", json.dumps(told).encode())
        eventually(lambda: client.get(ticker).json["lastPrice"] == "7.7")
        sim.requests.clear()
        reply = client.get(target)
        took_s = monotonic() - began
    assert reply.json[-1][0] == end_ms
    assert least_s < took_s
    assert len([row for row in sim.requests if "klines" in row.target]) == 1


# Freshness


def test_a_quiet_stream_is_checked_and_then_checked_again(spot):
    with application(
        spot,
        BPX_FRESH_QUIET_CHECK="300ms",
        BPX_FRESH_CHECK_INTERVAL="600ms",
        BPX_FRESH_KEPT="1ms",
    ) as app:
        client, checks = client_of(app), []
        follow(spot, client, TICKER, "btcusdt@ticker")
        loads = feed_of(app).loads
        # Once it has been checked, nothing that was asked before is under way any more.
        eventually(lambda: client.get(TICKER).data and feed_of(app).loads > loads)
        heard, began = feed_of(app).messages, monotonic()
        spot.send("btcusdt@ticker", spot.last_sent("btcusdt@ticker").payload)
        eventually(lambda: feed_of(app).messages > heard)
        spot.requests.clear()
        while len(checks) < 3:
            before = monotonic()
            reply, after = client.get(TICKER), monotonic()
            assert reply.status_code == 200
            if asked(spot, TICKER) > len(checks):
                checks.append((before, after))
            else:
                assert source(reply) == "websocket"
            assert after - began < 30
    assert checks[0][1] - began >= 0.3
    assert checks[2][1] - checks[1][0] >= 0.6


def feed_of(app) -> Reported:
    """Return what there is to say of the ticker that is followed."""
    (feed,) = app.extensions["bpx.house"].rows()["ticker"]
    return feed


@pytest.mark.parametrize(("kept", "calls"), [("20s", 2), ("60s", 1)])
def test_a_reply_of_rest_stands_that_long_while_streams_are_down(spot, kept, calls):
    spot.faults.refuse_handshakes(Refusal(503))
    with application(spot, BPX_FRESH_KEPT=kept, BPX_WS_RECONNECT_DELAY="10ms") as app:
        client, attempts = client_of(app), shown(app, CONNECTS)
        assert source(client.get(TICKER)) == "upstream"
        eventually(lambda: shown(app, CONNECTS) >= attempts + 3)
        assert source(client.get(TICKER)) == "cache"
        assert asked(spot, TICKER) == 1
        spot.step(25_000)
        client.get("/api/v3/time")  # which tells the exchange's time
        assert source(client.get(TICKER)) == ("upstream" if calls == 2 else "cache")
        assert asked(spot, TICKER) == calls


def test_a_connection_without_a_frame_is_not_believed_for_longer(spot):
    with application(spot, BPX_FRESH_ALIVE="1200ms") as app:
        client = client_of(app)
        follow(spot, client, TICKER, "btcusdt@ticker")
        (tap,) = app.extensions["bpx.house"].streams.taps()
        spot.faults.black_hole()
        began = monotonic()
        eventually(lambda: source(client.get(TICKER)) != "websocket")
        # It is pinged when it has said nothing for half of the time: 2.5 s by default.
        assert tap.line.alive_until - began < 2.2


def test_exchange_info_is_fetched_that_often(spot):
    target = "/api/v3/exchangeInfo"
    limit = spot.venue.limits.weight_per_minute
    with application(spot, BPX_FRESH_EXCHANGE_INFO="200ms") as app:
        client, began = client_of(app), monotonic()
        spot.requests.clear()
        try:
            spot.venue.limits.weight_per_minute = 4_321
            eventually(lambda: client.get(target).json["rateLimits"][0]["limit"] == 4_321)
            eventually(lambda: asked(spot, target) >= 3)
        finally:
            spot.venue.limits.weight_per_minute = limit
    assert monotonic() - began >= 2 * 0.2


# Streams


def test_a_handshake_that_hangs_is_given_up(spot):
    spot.faults.black_hole()
    with application(spot, BPX_WS_HANDSHAKE_TIMEOUT="200ms", BPX_WS_RECONNECT_DELAY="10ms") as app:
        client, before, began = client_of(app), shown(app, CONNECTS), monotonic()
        assert client.get(TICKER).status_code == 200
        eventually(lambda: shown(app, CONNECTS) >= before + 3)
        assert monotonic() - began >= 2 * 0.2
        assert client.get(TICKER).status_code == 200


def test_a_connection_is_pinged_that_often_at_least(spot):
    with application(spot, BPX_WS_PING_INTERVAL="300ms", BPX_FRESH_ALIVE="60s") as app:
        client = client_of(app)
        follow(spot, client, TICKER, "btcusdt@ticker")
        eventually(lambda: spot.connections[0].pings >= 3)  # by default one in half a minute


def test_a_connection_that_answers_no_ping_is_replaced(spot):
    with application(
        spot,
        BPX_FRESH_ALIVE="400ms",
        BPX_WS_PONG_TIMEOUT="2s",
        BPX_WS_RECONNECT_DELAY="10ms",
    ) as app:
        client = client_of(app)
        follow(spot, client, TICKER, "btcusdt@ticker")
        lost, connects = shown(app, "bpx_stream_losses_total"), spot.connects
        spot.faults.black_hole()
        began = monotonic()
        eventually(lambda: shown(app, "bpx_stream_losses_total") > lost, within_s=20)
        assert monotonic() - began >= 1  # it may have been silent for a while before
        spot.faults.black_hole(False)
        eventually(lambda: spot.connects > connects)
        eventually(lambda: source(client.get(TICKER)) == "websocket")


@contextmanager
def refused(spot: Simulator, **options: str):
    """Ask for a stream while all handshakes are refused; give how to count the attempts."""
    spot.faults.refuse_handshakes(Refusal(503))
    with application(spot, **options) as app:
        client, before = client_of(app), shown(app, CONNECTS)
        client.get(TICKER)
        yield lambda: shown(app, CONNECTS) - before


def test_the_first_reconnects_come_that_soon(spot):
    with refused(spot, BPX_WS_RECONNECT_DELAY="10ms") as attempts:
        eventually(lambda: attempts() >= 6)  # by default after 15 s, more or less


def test_no_reconnect_waits_longer(spot):
    with refused(
        spot, BPX_WS_RECONNECT_DELAY="10ms", BPX_WS_MAX_RECONNECT_DELAY="20ms"
    ) as attempts:
        eventually(lambda: attempts() >= 25)  # otherwise the delay doubles each time


@pytest.mark.parametrize("most", [2, 6])
def test_so_many_failures_in_a_row_are_called_failing(spot, most):
    spot.faults.refuse_handshakes(Refusal(503))
    with application(
        spot,
        BPX_WS_MAX_RECONNECTS=str(most),
        BPX_WS_RECONNECT_DELAY="10ms",
        BPX_WS_MAX_RECONNECT_DELAY="24h",  # so long it may be until the next attempt fails, too
    ) as app:
        streams = app.extensions["bpx.house"].streams
        client_of(app).get(TICKER)
        eventually(lambda: streams.report(monotonic())[0].state == "failing")
        assert streams.report(monotonic())[0].failures == most


def test_a_connection_is_replaced_before_it_is_that_old(spot):
    with application(spot, BPX_WS_MAX_AGE="1s") as app:
        client = client_of(app)
        follow(spot, client, TICKER, "btcusdt@ticker")
        connects = spot.connects
        eventually(lambda: spot.connects > connects)  # by default after 23 h
        eventually(lambda: len(spot.connections) == 1)


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_all_streams_are_looked_at_that_often_if_at_all(spot, enabled):
    with application(
        spot, BPX_WS_ENABLE_HEALTH_CHECK=enabled, BPX_WS_HEALTH_CHECK_INTERVAL="300ms"
    ) as app:
        client, health = client_of(app), app.extensions["bpx.house"].health
        follow(spot, client, TICKER, "btcusdt@ticker")
        if enabled == "true":
            looks = looks_of(health)
            assert looks[-1] - looks[0] >= 2 * 0.29
            assert health.report(monotonic()).looked_at == 2  # a tap and its feed
        else:
            end = monotonic() + 1.2
            eventually(lambda: monotonic() > end or health.report(0.0).age_s is not None)
            assert health.report(0.0).age_s is None


def looks_of(health: Health) -> list[float]:
    """Return when it has looked at everything: three times at least."""
    looks = set[float]()

    def has_looked() -> bool:
        age_s = health.report(0.0).age_s
        if age_s is not None:
            looks.add(-age_s)
        return len(looks) >= 3

    eventually(has_looked)  # by default every 30 s
    return sorted(looks)


class SlowLog(logging.Handler):
    """A log that takes its time: who logs has to wait until it is `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.is_awaited, self.released = Event(), Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.is_awaited.set()
        self.released.wait(60)


@pytest.mark.parametrize(("size", "dropped"), [("10", 40), ("30", 20), ("1000", 0)])
def test_that_many_messages_may_wait(spot, size, dropped):
    log = SlowLog()
    with application(spot, BPX_WS_MESSAGE_QUEUE_SIZE=size) as app:
        client = client_of(app)

        def is_followed() -> bool:
            spot.step(100)  # a few messages at a time, of which none is too many
            is_told = source(client.get(TICKER)) == "websocket"
            return is_told and spot.last_sent("btcusdt@bookTicker") is not None

        eventually(is_followed)
        best = json.loads(spot.last_sent("btcusdt@bookTicker").payload)
        payload = json.dumps(best | {"u": best["u"] + 1, "B": "1.23000000"}).encode()
        spot.send("btcusdt@bookTicker", payload)
        # Once this is told, nothing that the exchange sent before is under way any more.
        eventually(lambda: client.get(TICKER).json["bidQty"] == "1.23000000")
        lost_before = lost_of(app)
        came_before = shown(app, "bpx_stream_messages_total")
        logging.getLogger("bpx.feed.feed").addHandler(log)
        try:
            spot.send("btcusdt@ticker", b"{}")  # is logged, by whoever follows the ticker
            assert log.is_awaited.wait(30)
            for _ in range(50):
                spot.send("btcusdt@bookTicker", payload)

            def have_all_come() -> bool:
                # The last one is counted before it finds its place, or none.
                came = shown(app, "bpx_stream_messages_total") - came_before
                return came >= 51 and lost_of(app) - lost_before >= dropped

            eventually(have_all_come)
        finally:
            log.released.set()
            logging.getLogger("bpx.feed.feed").removeHandler(log)
        assert lost_of(app) - lost_before == dropped
        eventually(lambda: source(client.get(TICKER)) == "websocket")


def lost_of(app) -> float:
    return shown(app, "bpx_queue_overflows_total")


# Logging


@pytest.mark.parametrize(("flag", "has_traces"), [("-v", False), ("-vv", True)])
def test_what_is_forwarded_is_logged_with_v_and_what_streams_say_with_vv(
    spot, tmp_path, flag, has_traces
):
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "bpx", "-f", "-p", str(port), flag]
    options = {"BPX_UPSTREAM_SPOT_REST": spot.rest_url, "BPX_UPSTREAM_SPOT_WS": spot.ws_url}
    with running(command, options, log) as process:
        wait_for_server(port, process, log)

        def is_followed() -> bool:
            urlopen(f"http://127.0.0.1:{port}{TICKER}").close()
            return len(spot.connections) == 1 and "btcusdt@ticker" in spot.connections[0].streams

        eventually(is_followed)
        urlopen(f"http://127.0.0.1:{port}/api/v3/time").close()
        eventually(lambda: "DEBUG bpx.forwards: spot GET /api/v3/time -> 200" in log.read_text())
        if has_traces:
            traced = re.compile(r'TRACE bpx\.streams\.link: .* heard .*"result":null')
            eventually(lambda: traced.search(log.read_text()) is not None)
        assert ('said {"method":"SUBSCRIBE"' in log.read_text()) is has_traces
