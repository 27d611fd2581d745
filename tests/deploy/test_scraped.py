"""A real Prometheus scrapes a proxy that does what it should, and the dashboard has its numbers."""

import shutil
from pathlib import Path

import pytest

from tests.deploy.dashboard import asked, queries
from tests.deploy.observed import prometheus
from tests.deploy.queries import names_in
from tests.faults.life import DEPTH, TICKER, living

PROMETHEUS = shutil.which("prometheus")
KLINES = "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5"
USUAL = (KLINES, DEPTH, TICKER, "/api/v3/ticker/price", "/api/v3/time", "/api/v3/klines?symbol=X")
OF_FAULTS = {  # not there before the first one: tests/deploy/test_observed.py has some
    "bpx_breaker_state",
    "bpx_log_lines_left_out_total",
    "bpx_repairs_total",
    "bpx_stream_failures_total",
    "bpx_stream_losses_total",
    "bpx_upstream_holds_total",
}


@pytest.mark.timeout(180)  # Prometheus looks now and then
@pytest.mark.skipif(PROMETHEUS is None, reason="there is no prometheus (Debian has it)")
def test_the_dashboard_has_its_numbers_and_no_alert_fires(tmp_path: Path) -> None:
    missing = {query for _, query in queries() if not names_in(query) & OF_FAULTS}
    with living() as life:
        target = life.proxy.operators_url.removeprefix("http://")
        life.follow(KLINES, DEPTH, TICKER)
        with prometheus(PROMETHEUS or "", [target], tmp_path) as told:

            def is_shown() -> bool:
                for usual in USUAL:
                    life.ask(usual)
                missing.difference_update(
                    [query for query in missing if told.values(asked(query, "5m"))]
                )
                return not missing

            told.until(is_shown)
            told.until(lambda: told.firing() == set())  # but for a look that took too long
            life.stop()
            told.until_firing("ProxyDown")
