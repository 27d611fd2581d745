"""One REST request while it is answered: its parameters, checked as its market checks them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import orjson

from bpx.simulator.market import MarketModel
from bpx.simulator.markets import Markets
from bpx.simulator.rest import refusal
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.venue import Request

if TYPE_CHECKING:
    from bpx.simulator.account import Account
    from bpx.simulator.accounting import Limits

SPOT_SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
SPOT_SYMBOLS_RANGE = r'^\["[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}\]$'
NUMBER_RANGE = "^[0-9]{1,20}$"
_SPOT_SYMBOL = re.compile(r"[\w\-.]{1,50}")
_NUMBER = re.compile("[0-9]{1,20}")
_MICROSECONDS_FROM = 100_000_000_000_000  # later than the year 5138 in milliseconds


def pairs(query: str) -> list[tuple[str, str]]:
    """Return the decoded parameters of a raw query, in order; parts without a name are none."""
    parts = [part.partition("=") for part in query.split("&") if part]
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in parts]


@dataclass(slots=True)
class Call:
    """A request, and what its answer may look at. `at_ms` is the instant it is answered as of."""

    market: str
    markets: Markets
    request: Request
    at_ms: int
    account: "Account"
    limits: "Limits"
    is_counted: bool
    sent: list[tuple[str, str]] = field(default_factory=list)
    order_id: int | None = None  # the order it made or changed
    has_new_order: bool = False
    is_in_funding_pool: bool = True  # False when its five minutes' requests are used up

    @property
    def is_micro(self) -> bool:
        """Whether times are wanted in microseconds; only spot knows that."""
        unit = self.request.headers.get("x-mbx-time-unit", "")
        return self.is_spot and unit.upper() == "MICROSECOND"

    def placed(self, order_id: int) -> None:
        """Note the order that this request made."""
        self.order_id, self.has_new_order = order_id, True

    def touched(self, order_id: int) -> None:
        """Note the order that this request changed."""
        self.order_id = order_id

    @property
    def is_spot(self) -> bool:
        """Whether spot's rules apply."""
        return self.market == "spot"

    @property
    def params(self) -> dict[str, str]:
        """The parameters by name, the first of repeated ones."""
        return dict(reversed(self.sent))

    def text(self, name: str) -> str | None:
        """Return a parameter; spot takes an empty one for a mistake, futures for none."""
        value = self.params.get(name)
        if value == "":
            if self.is_spot:
                raise refusal.missing(name)
            return None
        return value

    def mandatory(self, name: str) -> str:
        """Return a parameter that has to be there."""
        value = self.text(name)
        if value is None:
            raise refusal.missing(name)
        return value

    def number(self, name: str) -> int | None:
        """Return a parameter that is a number, if sent."""
        value = self.text(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value) or not value.isascii():
            if self.is_spot:
                raise refusal.illegal(name, NUMBER_RANGE)
            raise refusal.missing(name)  # the code for this is not documented; the plausible one
        return int(value)

    def time_ms(self, name: str) -> int | None:
        """Return a time; spot takes microseconds too."""
        value = self.number(name)
        if value is not None and self.is_spot and value >= _MICROSECONDS_FROM:
            return value // 1_000
        return value

    def limit(self, default: int, most: int) -> int:
        """Return `limit`: spot clamps what is too much, futures refuses it."""
        value = self.number("limit")
        if value is None:
            return default
        if value < 1 or (value > most and not self.is_spot):
            raise refusal.not_valid("limit")
        return min(value, most)

    def checked_symbol(self, name: str = "symbol") -> str:
        """Return a mandatory symbol as far as its characters go."""
        value = self.mandatory(name)
        if not self.is_spot:
            return value.upper()
        if not _SPOT_SYMBOL.fullmatch(value) or re.search("[a-z]", value):
            raise refusal.illegal(name, SPOT_SYMBOL_RANGE)
        return value

    def model(self, name: str = "symbol") -> MarketModel:
        """Return the model of a mandatory symbol."""
        return self.model_of(self.checked_symbol(name))

    def model_of(self, symbol: str) -> MarketModel:
        """Return the model of a symbol; refuse what is not listed."""
        if symbol not in self.markets.listings:
            raise refusal.invalid_symbol()
        return self.markets.model(symbol)

    def symbols(self) -> list[str] | None:
        """Return the symbols of the parameter `symbols`, if sent."""
        value = self.text("symbols")
        if value is None:
            return None
        try:
            names = orjson.loads(value)
        except orjson.JSONDecodeError:
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise refusal.illegal("symbols", SPOT_SYMBOLS_RANGE)
        if len(set(names)) != len(names):
            raise Refused(-1151, "Symbol is present multiple times in the list.")
        if any(name not in self.markets.listings for name in names):
            raise refusal.invalid_symbol()
        return names


Answer = Callable[[Call], bytes]


def refuse_unknown(call: Call, known: frozenset[str]) -> None:
    """Refuse what spot refuses: parameters that nobody reads, or twice."""
    if not call.is_spot:
        return
    names = [name for name, _ in call.sent]
    if not known and names:
        raise Refused(-1101, f"Too many parameters; expected '0' and received '{len(names)}'.")
    if len(set(names)) != len(names):
        raise Refused(-1101, "Duplicate values for a parameter detected.")
    read = sum(name in known for name in names)
    if read != len(names):
        raise Refused(
            -1104,
            f"Not all sent parameters were read; read '{read}' parameter(s) but was sent"
            f" '{len(names)}'.",
        )
