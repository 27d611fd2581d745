from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.settings.sources import sources


def test_each_option_has_what_set_it(tmp_path: Path) -> None:
    file = tmp_path / "bpx.conf"
    file.write_text("server.port-futures = 9001\nserver.port-spot = 9000\nlogging.format = text\n")
    told = sources(
        ["--config", str(file), "--server.port-spot=9002"],
        {"BPX_WS_MAX_AGE": "2h", "BPX_ENV": "staging", "BPX_RATE_SPOT_RPS": ""},
    )
    assert told["port_spot"] == "flag"
    assert told["max_age_s"] == told["environment"] == "variable"
    assert told["port_futures"] == told["log_format"] == "file"
    assert told["log_level"] == "profile"
    assert told["spot_requests_per_s"] == told["host"] == "default"


def test_a_value_that_is_the_default_has_a_source_all_the_same() -> None:
    assert sources([], {"BPX_SERVER_PORT_SPOT": "8090"})["port_spot"] == "variable"


def test_an_older_name_counts_as_the_option(tmp_path: Path) -> None:
    told = sources(["-s", "-v"], {})
    assert told["spot_disabled"] == told["log_level"] == "flag"
    assert told["futures_disabled"] == "default"


def test_options_that_cannot_be_used_have_none() -> None:
    with pytest.raises(BadOption):
        sources(["--server.port-spot", "x"], {})
