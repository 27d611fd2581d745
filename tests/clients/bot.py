"""ccxt's exchanges, called alike whether they block or not, and held to their own addresses."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import ccxt
import ccxt.async_support

from tests.clients.guard import connecting_only_to
from tests.clients.world import KEY, SECRET

# The classes and options of clients: README.md's configuration comes on top.
KINDS = {
    "spot": ("binance", "spot"),
    "usdm": ("binanceusdm", "swap"),
    "swap": ("binance", "swap"),
}
STYLES = {"sync": ccxt, "async": ccxt.async_support}


class Bot:
    """A client that may connect to the addresses of its configuration and nowhere else.

    Args:
        kind: of `KINDS`.
        style: of `STYLES`.
        config: ccxt's.
    """

    def __init__(self, kind: str, style: str, config: dict[str, Any]) -> None:
        class_name, default_type = KINDS[kind]
        options = {"defaultType": default_type} | config.get("options", {})
        more = {"timeout_on_exit": 0, "options": options}
        self.market = "spot" if kind == "spot" else "futures"
        self.exchange = getattr(STYLES[style], class_name)(config | more)
        self._ports = {urlsplit(url).port for url in config["urls"]["api"].values()}
        self._loop = asyncio.new_event_loop() if style == "async" else None

    def ask(self, call: str, *args: Any, **kwargs: Any) -> Any:
        """Call the exchange's method and return what it returns."""
        with connecting_only_to(self._ports):
            result = getattr(self.exchange, call)(*args, **kwargs)
            return result if self._loop is None else self._loop.run_until_complete(result)

    def ask_all(self, calls: list[tuple[Any, ...]]) -> list[Any]:
        """Call methods at once (not for blocking ones); return what they return, or raise."""

        async def gather() -> list[Any]:
            return await asyncio.gather(
                *(getattr(self.exchange, call)(*args) for call, *args in calls),
                return_exceptions=True,
            )

        assert self._loop is not None
        with connecting_only_to(self._ports):
            return self._loop.run_until_complete(gather())

    @property
    def source(self) -> str:
        """The Data-Source of the newest answer."""
        source: str = self.exchange.last_response_headers["Data-Source"]
        return source

    @property
    def sent(self) -> tuple[str, bytes]:
        """Target and body of the newest request, as it was signed."""
        target = "/" + self.exchange.last_request_url.split("/", 3)[3]
        return target, (self.exchange.last_request_body or "").encode()

    def hang_up(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._loop is not None:
            self._loop.run_until_complete(self.exchange.close())
            self.exchange.closed_by_user = False  # else it refuses to open new ones
        else:
            self.exchange.close()

    def close(self) -> None:
        """End it."""
        self.hang_up()
        if self._loop is not None:
            self._loop.close()


@contextmanager
def running_bot(kind: str, style: str, config: dict[str, Any]) -> Iterator[Bot]:
    """Run a bot that knows the markets."""
    bot = Bot(kind, style, config)
    try:
        bot.ask("load_markets")
        yield bot
    finally:
        bot.close()


def with_orders(config: dict[str, Any]) -> dict[str, Any]:
    """Return README.md's configuration for a bot with a key, whose orders take the proxy, too."""
    urls = dict(config["urls"]["api"])
    urls["private"] = urls["public"]
    for version in ("", "V2", "V3"):
        urls[f"fapiPrivate{version}"] = urls[f"fapiPublic{version}"]
    return config | {"apiKey": KEY, "secret": SECRET, "urls": {"api": urls}}
