"""What of a bot's requests does not go through the proxy, by its configuration. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

BYPASSES, NOTE = "bypasses", "note"
PATHS = {"public": "/api/v3", "fapiPublic": "/fapi/v1"}
MARKETS = {"spot": "public", "futures": "fapiPublic"}
TYPES = {"spot": "spot", "futures": "linear"}
BINANCE = (".binance.com", ".binance.us", ".binance.vision")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a configuration.

    Args:
        level: `bypasses` the proxy, or a `note`.
        what: is so.
        mend: what to do.
    """

    level: str
    what: str
    mend: str


class NotAConfiguration(ValueError):
    """It is no configuration of freqtrade or ccxt; the text says why."""


def diagnose(config: Any) -> list[Finding]:
    """Return what there is to say about a configuration.

    Args:
        config: of freqtrade (it has `exchange`), or what ccxt is made with (it has `urls` or
            `options`).

    Raises:
        NotAConfiguration: it is neither.
    """
    if not isinstance(config, Mapping):
        raise NotAConfiguration("it is no object")
    if isinstance(config.get("exchange"), Mapping):
        return list(_of_freqtrade(config))
    if "urls" in config or "options" in config:
        return list(_of_ccxt(config, _markets_of_ccxt(config), "", is_limit_wanted=True))
    raise NotAConfiguration("it has neither freqtrade's `exchange` nor ccxt's `urls`")


def _of_freqtrade(config: Mapping[str, Any]) -> Iterator[Finding]:
    exchange = config["exchange"]
    name = str(exchange.get("name", "")).lower()
    if name not in ("binance", "binanceusdm"):
        yield Finding(BYPASSES, f"exchange.name is {name!r}", 'the proxy serves "binance" alone')
        return
    market = "futures" if config.get("trading_mode") == "futures" else "spot"
    both = _object(exchange.get("ccxt_config"))
    yield from _of_ccxt(both, [market], "exchange.ccxt_config.", is_limit_wanted=False)
    for part in ("ccxt_sync_config", "ccxt_async_config"):
        own = _object(exchange.get(part))
        if "urls" in own:
            yield from _of_ccxt(own, [market], f"exchange.{part}.", is_limit_wanted=False,
                                has_markets=False)  # fmt: skip
        if own.get("enableRateLimit"):
            yield _waits(f"exchange.{part}.")
    if market == "spot" and exchange.get("enable_ws", True):
        yield Finding(
            BYPASSES,
            "exchange.enable_ws is not false: candles come from Binance's streams, by a connection "
            "of each bot's own",
            'set "enable_ws": false in exchange',
        )
    if market == "futures":
        yield from _pricing(config)


def _pricing(config: Mapping[str, Any]) -> Iterator[Finding]:
    for part in ("entry_pricing", "exit_pricing"):
        if not _object(config.get(part)).get("use_order_book"):
            yield Finding(NOTE, f"{part}.use_order_book is not true", "futures need it to be")


def _markets_of_ccxt(config: Mapping[str, Any]) -> list[str]:
    api = _api(config)
    given = [market for market, key in MARKETS.items() if isinstance(api, str) or key in api]
    return given or ["spot"]


def _of_ccxt(
    config: Mapping[str, Any],
    markets: list[str],
    where: str,
    *,
    is_limit_wanted: bool,
    has_markets: bool = True,
) -> Iterator[Finding]:
    api = _api(config)
    for market in markets:
        yield from _address(api, MARKETS[market], where)
    if has_markets:
        yield from _markets(config, markets, where)
    if config.get("enableRateLimit", is_limit_wanted):
        yield _waits(where)


def _address(api: Any, key: str, where: str) -> Iterator[Finding]:
    name = f"{where}urls.api.{key}"
    example = f'"{key}": "http://127.0.0.1:{8090 if key == "public" else 8091}{PATHS[key]}"'
    url = api.get(key) if isinstance(api, Mapping) else api
    if not isinstance(url, str) or not url:
        yield Finding(BYPASSES, f"{name} is not set: market data comes from Binance itself",
                      f"set {example} in {where}urls.api")  # fmt: skip
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host.endswith(BINANCE):
        yield Finding(BYPASSES, f"{name} is Binance itself: {url}", f"set {example}")
    elif parts.scheme not in ("http", "https") or not host:
        yield Finding(BYPASSES, f"{name} is no address: {url!r}", f"set {example}")
    elif parts.path.rstrip("/") != PATHS[key]:
        yield Finding(BYPASSES, f"{name} ends in {parts.path!r}: nothing is found there",
                      f"it has to end in {PATHS[key]}")  # fmt: skip


def _markets(config: Mapping[str, Any], markets: list[str], where: str) -> Iterator[Finding]:
    wanted = _object(config.get("options")).get("fetchMarkets")
    types = wanted.get("types") if isinstance(wanted, Mapping) else wanted
    allowed = [TYPES[market] for market in markets]
    name = f"{where}options.fetchMarkets.types"
    mend = f'set "options": {{"fetchMarkets": {{"types": {allowed}}}}}'.replace("'", '"')
    if not isinstance(types, list):
        why = "exchangeInfo of all markets is asked for, of Binance itself (dapi)"
        yield Finding(BYPASSES, f"{name} is not set: {why}, and no bot starts where that fails",
                      mend)  # fmt: skip
    elif others := [one for one in types if one not in allowed]:
        yield Finding(BYPASSES, f"{name} has {', '.join(map(str, others))}, which the proxy's "
                      "address above does not serve", mend)  # fmt: skip


def _waits(where: str) -> Finding:
    return Finding(
        NOTE,
        f"{where}enableRateLimit is on: the bot holds back requests that cost no weight",
        f'set "enableRateLimit": false in {where.rstrip(".") or "the configuration"}',
    )


def _api(config: Mapping[str, Any]) -> Any:
    api = _object(config.get("urls")).get("api")
    return api if isinstance(api, (str, Mapping)) else {}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
