from pathlib import Path

import pytest

from bpx.errors import BadOption
from bpx.settings import Settings, load, variables
from bpx.settings.option import Option
from bpx.settings.reading import OPTIONS, parser, unknown_variables


def test_without_options_the_defaults_of_the_specification_hold() -> None:
    settings = load([], {})
    assert settings == Settings()
    assert (settings.port_spot, settings.port_futures) == (8090, 8091)
    assert (settings.read_timeout_s, settings.idle_timeout_s) == (30, 60)
    assert (settings.spot_requests_per_s, settings.futures_requests_per_s) == (20, 40)
    assert (settings.close_wait_spot_s, settings.close_wait_futures_s) == (0.8, 2.5)


def test_flag_wins_over_variable_over_config_file_over_default(tmp_path: Path) -> None:
    config = tmp_path / "bpx.ini"
    config.write_text(
        "server.port-spot = 1\nserver.port-futures = 2\nratelimit.spot-rps = 3\n# a comment\n"
    )
    settings = load(
        ["--config", str(config), "--server.port-spot=11"],
        {"BPX_SERVER_PORT_SPOT": "12", "BPX_SERVER_PORT_FUTURES": "13"},
    )
    assert (settings.port_spot, settings.port_futures) == (11, 13)
    assert (settings.spot_requests_per_s, settings.futures_requests_per_s) == (3, 40)


def test_the_config_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    (tmp_path / "bpx.ini").write_text("logging.level = warn")
    assert load([], {"BPX_CONFIG": str(tmp_path / "bpx.ini")}).log_level == "warn"


@pytest.mark.parametrize(
    ("flags", "environ", "port"),
    [
        (["-p", "1"], {}, 1),
        (["-p1"], {"BPX_SERVER_PORT_SPOT": "2"}, 1),
        (["--port-spot=1"], {}, 1),
        (["-p", "1", "--server.port-spot=2"], {}, 2),
        (["--server.port-spot=2", "-p", "1"], {}, 2),
        ([], {"BPX_PORT_SPOT": "1"}, 1),
        ([], {"BPX_PORT_SPOT": "1", "BPX_SERVER_PORT_SPOT": "2"}, 2),
        ([], {"BPX_PORT_SPOT": "1", "BPX_SERVER_PORT_SPOT": ""}, 1),
    ],
)
def test_a_modern_name_wins_over_its_legacy_twin(
    flags: list[str], environ: dict[str, str], port: int
) -> None:
    assert load(flags, environ).port_spot == port


@pytest.mark.parametrize(
    ("flags", "environ", "level"),
    [
        (["-v"], {}, "debug"),
        (["-vv"], {}, "trace"),
        (["-v", "-v"], {}, "trace"),
        (["--verbose"], {}, "debug"),
        (["-v"], {"BPX_LOG_LEVEL": "error"}, "debug"),
        (["-v", "--logging.level=error"], {}, "error"),
        ([], {"BPX_VERBOSE": "true"}, "debug"),
        ([], {"BPX_VERBOSE": "false"}, "info"),
        ([], {"BPX_VERBOSE": "true", "BPX_LOG_LEVEL": "warning"}, "warn"),
    ],
)
def test_verbosity_is_the_older_way_to_name_a_level(
    flags: list[str], environ: dict[str, str], level: str
) -> None:
    assert load(flags, environ).log_level == level


@pytest.mark.parametrize(
    "flags", [["-csa"], ["-c", "-s", "-a"], ["-c", "--disable-spot=yes", "-a"]]
)
def test_short_flags_switch_on_and_may_be_written_together(flags: list[str]) -> None:
    settings = load(flags, {"BPX_FEAT_DISABLE_FAKE_CANDLES": "false"})
    assert settings.fake_candles_disabled
    assert settings.spot_disabled
    assert settings.forwards_shown


@pytest.mark.parametrize(
    ("flags", "environ", "enabled"),
    [
        (["--features.enable-metrics"], {}, True),
        (["--features.enable-metrics=no"], {"BPX_FEAT_ENABLE_METRICS": "1"}, False),
        ([], {"BPX_FEAT_ENABLE_METRICS": "YES"}, True),
        ([], {"BPX_FEAT_ENABLE_METRICS": "0"}, False),
    ],
)
def test_a_boolean_takes_true_false_1_0_yes_no(
    flags: list[str], environ: dict[str, str], enabled: bool
) -> None:
    assert load(flags, environ).metrics_enabled is enabled


ON = [option for option in OPTIONS.values() if option.default == "true"]


@pytest.mark.parametrize("option", ON)
def test_what_is_on_by_default_is_switched_off_by_its_no_flag(option: Option) -> None:
    off = load([f"--no-{option.name}"], {})
    assert off == load([f"--{option.name}=false"], {}) == load([], {option.variable: "no"})
    assert off != Settings()
    assert load([f"--{option.name}"], {option.variable: "no"}) == Settings()


def test_a_no_flag_wins_over_a_variable_and_that_over_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "bpx.ini"
    config.write_text("no-websocket.enable-compression = true\nserver.port-spot = 1\n")
    file, on = ["--config", str(config)], {"BPX_WS_ENABLE_COMPRESSION": "true"}
    assert not load(["--no-websocket.enable-compression"], on).compression_enabled
    assert not load(file, {}).compression_enabled
    assert load(file, on).compression_enabled
    assert load(file, on).port_spot == 1


@pytest.mark.parametrize(
    "flag", ["--no-websocket.enable-compression=false", "--no-features.enable-metrics"]
)
def test_a_no_flag_takes_no_value_and_is_only_of_what_is_on(flag: str) -> None:
    with pytest.raises(BadOption):
        load([flag], {})


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--server.prot-spot=1"], "there is no option --server.prot-spot; -h lists them all"),
        (["serve"], "there is no option serve; -h lists them all"),
        (["--server.read-timeout=0"], "--server.read-timeout (BPX_SERVER_READ_TIMEOUT) accepts "
         "a time such as 500ms, 30s, 5m or 1h, longer than 0, at most 8760h, not '0'"),
        ([f"--server.read-timeout={'9' * 400}"], "--server.read-timeout (BPX_SERVER_READ_TIMEOUT) "
         "accepts a time such as 500ms, 30s, 5m or 1h, longer than 0, at most 8760h, not "
         f"'{'9' * 400}'"),
        (["-t", "65536"], "-t, --port-futures, --server.port-futures (BPX_SERVER_PORT_FUTURES) "
         "accepts a whole number from 1 to 65535, not '65536'"),
        (["--ticker.last-price=mid"],
         "--ticker.last-price (BPX_TICKER_LAST_PRICE) accepts one of trade, book, not 'mid'"),
        (["--upstream.spot-rest=api.binance.com"],
         "--upstream.spot-rest (BPX_UPSTREAM_SPOT_REST) accepts an address that begins with "
         "https:// or http://, or several with commas between, not 'api.binance.com'"),
        (["-s", "-f"], "--disable-spot and --disable-futures together leave nothing to serve"),
        (["--recovery.max-delay=1ms"],
         "--recovery.max-delay accepts nothing shorter than --recovery.base-delay"),
        (["--recovery.max-retries=-1"], "--recovery.max-retries (BPX_RECOVERY_MAX_RETRIES) accepts "
         "a whole number from 0 to 100, not '-1'"),
        (["--upstream.spot-rest=https://a,"],
         "--upstream.spot-rest (BPX_UPSTREAM_SPOT_REST) accepts an address that begins with "
         "https:// or http://, or several with commas between, not 'https://a,'"),
        (["--cache.reply-ttl=2s"],
         "--cache.reply-ttl (BPX_CACHE_REPLY_TTL) accepts one of on, off, not '2s'"),
        (["--websocket.max-reconnect-delay=1ms"], "--websocket.max-reconnect-delay accepts "
         "nothing shorter than --websocket.reconnect-delay"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_line(flags: list[str], line: str) -> None:
    with pytest.raises(BadOption) as refused:
        load(flags, {})
    assert str(refused.value) == line


@pytest.mark.parametrize("flags", [["--server.port-spot"], ["--config=/nowhere"]])
def test_a_flag_without_its_value_is_refused(flags: list[str]) -> None:
    with pytest.raises(BadOption):
        load(flags, {})


def test_a_bad_line_of_the_config_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bpx.ini").write_text("server.prot-spot = 1")
    with pytest.raises(BadOption, match=r"there is no option --server\.prot-spot"):
        load(["--config", str(tmp_path / "bpx.ini")], {})


def test_a_bad_legacy_variable_is_named() -> None:
    with pytest.raises(BadOption, match="BPX_VERBOSE accepts true, or 2 for more, not 'loud'"):
        load([], {"BPX_VERBOSE": "loud"})


def test_another_process_reads_the_same_settings_from_the_variables() -> None:
    settings = load(["-vv", "-s", "-a", "--server.read-timeout=90ms", "-p", "7000"], {})
    assert load([], variables(settings)) == settings


def test_the_operators_port_lets_two_services_share_a_host() -> None:
    settings = load([], {})
    ports = {name: settings.operators_port(name) for name in ("spot", "futures", "both")}
    assert ports == {"spot": 8092, "futures": 8093, "both": 8092}
    assert load([], {"BPX_FEAT_METRICS_PORT": "9"}).operators_port("futures") == 9


def test_a_variable_that_is_no_option_is_found() -> None:
    environ = {"BPX_SERVER_PROT_SPOT": "1", "BPX_PORT_SPOT": "1", "BPX_CONFIG": "", "HOME": "/"}
    assert unknown_variables(environ) == ["BPX_SERVER_PROT_SPOT"]


@pytest.mark.parametrize("name", OPTIONS)
def test_the_help_has_every_option_with_its_variable_and_default(name: str) -> None:
    text = " ".join(parser().format_help().replace("-\n", "-").split())
    assert OPTIONS[name].flag in text
    assert f"[{OPTIONS[name].variable}, default:" in text.replace("- ", "-")


def test_a_market_may_have_several_hosts() -> None:
    settings = load([], {"BPX_UPSTREAM_SPOT_REST": "https://a, https://b:8443/"})
    assert settings.spot_rest_urls == ("https://a", "https://b:8443")
    assert settings.futures_rest_urls == ("https://fapi.binance.com",)
    assert load([], variables(settings)) == settings


def test_recovery_has_the_defaults_of_the_specifications_table() -> None:
    settings = load([], {})
    assert (settings.max_retries, settings.base_delay_s, settings.max_delay_s) == (3, 1, 60)
    assert (settings.circuit_breaker_enabled, settings.failure_threshold) == (False, 5)


@pytest.mark.parametrize("flags", [["-p", "99999999"], ["--port-spot=no"]])
def test_a_bad_value_is_refused_although_a_newer_name_overrides_it(flags: list[str]) -> None:
    with pytest.raises(BadOption, match="accepts a whole number from 1 to 65535"):
        load(["-p", "9000", "--server.port-spot=9001", *flags], {})


def test_a_yes_or_no_says_all_that_it_accepts() -> None:
    with pytest.raises(BadOption, match="accepts true, false, 1, 0, yes or no, not 'on'"):
        load(["--features.enable-metrics=on"], {})
    assert "BOOL is true, false, 1, 0, yes or no" in " ".join(parser().format_help().split())
