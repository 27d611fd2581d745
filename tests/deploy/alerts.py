"""The rules of deploy/prometheus, and when each alert has to fire and when not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.proxy import ROOT

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
PAGE = "docs/alerts.md"
INFO = 'bpx_info{job="bpx",instance="a"}'
SPOT = 'job="bpx",instance="a",market="spot"'


def groups() -> Any:
    """Return the groups of rules."""
    return yaml.safe_load(RULES.read_text())["groups"]


def rules() -> dict[str, Any]:
    """Return every rule, by the name of its alert."""
    return {rule["alert"]: rule for group in groups() for rule in group["rules"]}


@dataclass(frozen=True, slots=True)
class Case:
    """When one alert fires; a sample comes every 15 s.

    Args:
        alert: its name.
        wrong: series that make it fire.
        fine: series that do not.
        fires_at: when it does.
        not_before: when it does not yet, with the same series.
        labels: besides job, instance and severity.
        summary: what it says.
    """

    alert: str
    wrong: Mapping[str, str]
    fine: Mapping[str, str]
    fires_at: str
    not_before: str
    summary: str
    labels: Mapping[str, str] = field(default_factory=lambda: {"market": "spot"})

    def tests(self) -> Sequence[Mapping[str, Any]]:
        """Return the tests of promtool: it fires, not yet, and not at all."""
        expected = {
            "exp_labels": {
                "job": "bpx",
                "instance": "a",
                "severity": rules()[self.alert]["labels"]["severity"],
                **self.labels,
            },
            "exp_annotations": {
                "summary": self.summary,
                "runbook_url": f"{PAGE}#{self.alert.lower()}",
            },
        }
        checks = [(self.fires_at, [expected]), (self.not_before, [])]
        return [self._test(self.wrong, checks), self._test(self.fine, [(self.fires_at, [])])]

    def _test(self, series: Mapping[str, str], checks: Sequence[tuple[str, Any]]) -> Any:
        return {
            "interval": "15s",
            "input_series": [{"series": name, "values": text} for name, text in series.items()],
            "alert_rule_test": [
                {"eval_time": at, "alertname": self.alert, "exp_alerts": expected}
                for at, expected in checks
            ],
        }


def of(name: str, **labels: str) -> str:
    """Return the name of a series of spot."""
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{SPOT}{more}}}"


UP = 'up{job="bpx",instance="a"}'
STARTED = 'process_start_time_seconds{job="bpx",instance="a"}'
MEMORY = 'process_resident_memory_bytes{job="bpx",instance="a"}'
LOST = 'bpx_log_lines_lost_total{job="bpx",instance="a",why="output"}'
LOGGED = 'bpx_log_lines_total{job="bpx",instance="a",level="error"}'
ERRORS = of("http_request_errors_total", endpoint="other", kind="failed")
LIMITED = of("http_request_errors_total", endpoint="other", kind="limited")
REFUSED = of("bpx_refused_total", why="auth")
FULL = of("bpx_feeds_refused_total", kind="klines")
FAST = of("bpx_request_seconds_bucket", endpoint="/x", source="websocket", le="0.5")
SLOWER = of("bpx_request_seconds_bucket", endpoint="/x", source="websocket", le="1.0")
ALL_TIMES = of("bpx_request_seconds_bucket", endpoint="/x", source="websocket", le="+Inf")
YOUNG = of("bpx_reply_age_seconds_bucket", source="websocket", le="60.0")
ALL_AGES = of("bpx_reply_age_seconds_count", source="websocket")
BREAKER = of("bpx_breaker_state", host="https://api.binance.com", pool="public")
WANTED = of("bpx_stream_subscriptions", route="")
OPEN, READY, DRAINING = (
    of("websocket_connections_active"), of("bpx_ready"), of("bpx_draining"),
)  # fmt: skip
FRESH, FOLLOWED = of("bpx_feeds_fresh", kind="depth"), of("bpx_feeds", kind="depth")
USED, LIMIT = of("bpx_upstream_weight_used"), of("bpx_upstream_weight_limit")
SOME = "1x80"  # 20 minutes long

CASES = (
    Case("ProxyDown", {UP: "1 0x40"}, {UP: "1 0x2 1x40"}, "2m", "1m", "a does not answer", {}),
    Case("ProxyRestarts", {STARTED: "1x4 2x4 3x4 4x60", INFO: SOME},
         {STARTED: "1x4 2x4 3x60", INFO: SOME}, "5m", "2m",
         "a has started anew 3 times in 15 minutes", {}),
    Case("HighMemoryUsage", {MEMORY: "429916160x80", INFO: SOME},
         {MEMORY: "419430400x80", INFO: SOME}, "5m", "4m", "a has 410 MB of memory", {}),
    Case("NoRoomInMemory", {FULL: "_x4 1+1x80"}, {FULL: "3x80"}, "10m", "5m",
         "a has no room to follow more klines of spot", {"market": "spot", "kind": "klines"}),
    Case("LogLinesLost", {LOST: "_x8 5x80"}, {LOST: "5x80"}, "6m", "1m",
         "a cannot write its log (output)", {"why": "output"}),
    Case("ErrorsInLog", {LOGGED: "_x8 1x80"}, {LOGGED: "7x80"}, "6m", "1m",
         "a has logged errors", {"level": "error"}),
    Case("MarketNotReady", {READY: "0x80", DRAINING: "0x80"}, {READY: "0x80", DRAINING: "1x80"},
         "1m", "30s", "a cannot answer for spot"),
    Case("HighErrorRate", {ERRORS: "0+3x80", INFO: SOME}, {ERRORS: "0+1x80", INFO: SOME},
         "5m", "1m", "a answers 200m errors a second: failed, spot other",
         {"market": "spot", "endpoint": "other", "kind": "failed"}),
    Case("SlowCachedAnswers", {FAST: "0+98x80", SLOWER: "0+100x80", ALL_TIMES: "0+100x80"},
         {FAST: "0+100x80", SLOWER: "0+100x80", ALL_TIMES: "0+100x80"}, "10m", "4m",
         "a: one in a hundred cached answers of spot takes 750m s"),
    Case("ManyRefused", {REFUSED: "0+30x80"}, {REFUSED: "0+10x80"}, "10m", "4m",
         "a refuses 2 requests a second: auth", {"market": "spot", "why": "auth"}),
    Case("HeldByBinance", {of("bpx_upstream_hold_seconds"): "0x4 120x80"},
         {of("bpx_upstream_hold_seconds"): "0x80"}, "2m", "30s",
         "Binance wants nothing of a (spot) for 2m 0s"),
    Case("BlockedByFirewall", {of("bpx_upstream_blocked_seconds"): "10x80"},
         {of("bpx_upstream_blocked_seconds"): "10 0x80"}, "1m", "30s",
         "Binance's firewall answers a (spot) with 403"),
    Case("WeightNearLimit", {USED: "4000 10 20 4000 " * 20, LIMIT: "6000x80"},
         {USED: "3500 10 20 3500 " * 20, LIMIT: "6000x80"}, "5m", "2m",
         "a: 66.67% of the weight of spot is spent"),
    Case("BudgetSpent", {LIMITED: "0+3x80", INFO: SOME}, {LIMITED: "0+1x80", INFO: SOME},
         "5m", "1m", "a answers 429 200m times a second (spot)"),
    Case("BreakerOpen", {BREAKER: "2x80"}, {BREAKER: "2 2 0x80"}, "1m", "30s",
         "a asks https://api.binance.com nothing (public), as it fails",
         {"market": "spot", "host": "https://api.binance.com", "pool": "public"}),
    Case("StreamsDown", {WANTED: "3x80", OPEN: "0x80"}, {WANTED: "0x80", OPEN: "0x80"},
         "1m", "30s", "a has no stream of spot"),
    Case("StreamsUnstable", {of("bpx_stream_losses_total"): "0+1x80"},
         {of("bpx_stream_losses_total"): "0+1x4 4x80"}, "15m", "1m",
         "a has lost 60 streams of spot in 15 minutes"),
    Case("StaleData", {YOUNG: "0+9x80", ALL_AGES: "0+10x80"},
         {YOUNG: "0+10x80", ALL_AGES: "0+10x80"}, "10m", "4m",
         "a: 10% of the answers of spot are older than a minute"),
    Case("FeedsNotFresh", {FRESH: "1x80", FOLLOWED: "4x80"}, {FRESH: "0x80", FOLLOWED: "0x80"},
         "5m", "4m", "a: streams can answer for 25% of what is followed of spot"),
    Case("ListingOld", {of("bpx_listing_age_seconds"): "0+15x80"},
         {of("bpx_listing_age_seconds"): "60x80"}, "7m", "5m",
         "a: exchangeInfo of spot is 7m 0s old"),
)  # fmt: skip
