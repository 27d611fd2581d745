"""`bpx freqtrade-config`: a configuration that makes freqtrade ask the proxy."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpx.bots.writing import freqtrade_config
from bpx.cli.command import DONE, CommandFailed, parser, run

DEFAULTS = {"spot": "http://127.0.0.1:8090", "futures": "http://127.0.0.1:8091"}


def main(argv: Sequence[str]) -> int:
    """Write it."""
    made = parser(
        "freqtrade-config",
        "Write the part of a freqtrade configuration that sends market data through the proxy;\n"
        "orders go to Binance itself. freqtrade takes several files, and the last one counts:\n"
        "-c bpx.json -c config.json.",
        "bpx freqtrade-config futures --out bpx.json",
    )
    made.add_argument("market", choices=["spot", "futures"])
    made.add_argument("--proxy", metavar="URL", help="of the market's port (by default "
                      f"{DEFAULTS['spot']} or {DEFAULTS['futures']})")  # fmt: skip
    made.add_argument("--out", metavar="FILE", help="write it there; an existing file is kept")
    asked = made.parse_args(argv)
    return run(lambda: _run(asked))


def _run(asked: Any) -> int:
    urls = DEFAULTS | ({asked.market: asked.proxy.rstrip("/")} if asked.proxy else {})
    text = json.dumps(freqtrade_config(asked.market, urls), indent=4) + "\n"
    if asked.out is None:
        sys.stdout.write(text)
        return DONE
    try:
        with Path(asked.out).open("x") as file:
            file.write(text)
    except OSError as error:
        raise CommandFailed(f"{asked.out} cannot be written: {error.strerror}") from error
    return DONE
