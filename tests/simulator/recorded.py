"""Where the recorded sessions are, beside the checkout."""

from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[2].parent / "shared" / "recorded"

needs_recordings = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="../shared/recorded is not here: nothing to replay"
)

CRYPTOFEED = tuple(
    f"cryptofeed/{name}"
    for name in ("BINANCE", "BINANCE_FUTURES", "BINANCE_DELIVERY", "BINANCE_US", "BINANCE_TR")
)
HFTBACKTEST = ("hftbacktest/spot", "hftbacktest/usdm")
CCXT = ("ccxt/spot", "ccxt/futures")
SESSIONS = CRYPTOFEED + HFTBACKTEST + CCXT
