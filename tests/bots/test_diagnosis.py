import copy

import pytest

from bpx.bots.diagnosis import BYPASSES, NOTE, NotAConfiguration, diagnose
from bpx.bots.writing import ccxt_config, freqtrade_config

URLS = {"spot": "http://10.0.0.2:8090", "futures": "http://10.0.0.2:8091"}


def found(config) -> dict[str, str]:
    """Return what is found: words of what, by level."""
    return {finding.what: finding.level for finding in diagnose(config)}


def broken(market: str, *path: str, value: object = None) -> dict:
    """Return a right configuration in which one thing is another, or missing."""
    config = copy.deepcopy(freqtrade_config(market, URLS))
    place = config
    for name in path[:-1]:
        place = place.setdefault(name, {})
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return config


API = ("exchange", "ccxt_config", "urls", "api")


@pytest.mark.parametrize(
    ("market", "path", "value", "words"),
    [
        ("spot", (*API, "public"), None, "urls.api.public is not set"),
        ("spot", API, None, "urls.api.public is not set"),
        ("spot", ("exchange", "ccxt_config"), None, "urls.api.public is not set"),
        ("spot", (*API, "public"), "https://api.binance.com/api/v3", "is Binance itself"),
        ("spot", (*API, "public"), "http://10.0.0.2:8090", "nothing is found there"),
        ("spot", (*API, "public"), "10.0.0.2:8090/api/v3", "is no address"),
        ("spot", (*API, "public"), 7, "is not set"),
        ("futures", (*API, "fapiPublic"), None, "urls.api.fapiPublic is not set"),
        ("futures", (*API, "fapiPublic"), "http://10.0.0.2:8091/api/v3", "nothing is found"),
        ("spot", ("exchange", "ccxt_config", "options"), None, "fetchMarkets.types is not set"),
        ("spot", ("exchange", "ccxt_config", "options", "fetchMarkets", "types"),
         ["spot", "inverse"], "has inverse"),
        ("spot", ("exchange", "enable_ws"), None, "enable_ws is not false"),
        ("spot", ("exchange", "enable_ws"), True, "enable_ws is not false"),
        ("spot", ("exchange", "name"), "kraken", "exchange.name is 'kraken'"),
        ("spot", ("exchange", "ccxt_async_config", "urls"), {"api": {"public": "https://x/y"}},
         "ccxt_async_config.urls.api.public ends in '/y'"),
    ],
)  # fmt: skip
def test_what_bypasses_the_proxy_is_found(market, path, value, words) -> None:
    findings = diagnose(broken(market, *path, value=value))
    assert any(words in one.what and one.level == BYPASSES for one in findings), findings
    assert all(one.mend for one in findings)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("exchange", "ccxt_config", "enableRateLimit"), True, "enableRateLimit is on"),
        (("exchange", "ccxt_async_config", "enableRateLimit"), True, "enableRateLimit is on"),
        (("entry_pricing", "use_order_book"), False, "use_order_book is not true"),
    ],
)
def test_what_only_costs_time_is_a_note(path, value, words) -> None:
    assert any(
        words in what and level == NOTE
        for what, level in found(broken("futures", *path, value=value)).items()
    )


def test_futures_have_no_streams_of_their_own_in_freqtrade() -> None:
    assert found(broken("futures", "exchange", "enable_ws", value=True)) == {}


def test_the_older_list_of_markets_is_fine() -> None:
    assert found(ccxt_config("spot", URLS) | {"options": {"fetchMarkets": ["spot"]}}) == {}


def test_ccxt_limits_by_itself_unless_told_not_to() -> None:
    config = ccxt_config("spot", URLS)
    del config["enableRateLimit"]
    assert list(found(config).values()) == [NOTE]


@pytest.mark.parametrize("config", [None, [], 7, {}, {"exchange": "binance"}])
def test_what_is_no_configuration_is_said_to_be_none(config) -> None:
    with pytest.raises(NotAConfiguration):
        diagnose(config)
