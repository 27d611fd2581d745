"""Integers inside, Binance's decimal strings at the edge."""

from bpx.simulator.listing import Listing

SPOT_DECIMALS = 8
MARK_DECIMALS = 8
_CACHE_LIMIT = 50_000


def decimal_text(units: int, decimals: int) -> str:
    """Return `units` of 10^-decimals as a plain decimal: (-1234, 2) gives "-12.34"."""
    if units < 0:
        return "-" + decimal_text(-units, decimals)
    if not decimals:
        return str(units)
    digits = str(units).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def rounded_ratio(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, as Java's HALF_UP."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def percent_text(change: int, start: int) -> str:
    """Return change / start in percent with three decimals; zero when there was no start."""
    return decimal_text(rounded_ratio(change * 100_000, start) if start else 0, 3)


class Decimals:
    """How one symbol's numbers are written.

    Prices are counted in ticks, quantities in lot steps, quote amounts in tick x step. Spot
    pads everything to 8 decimals; futures uses the symbol's precisions, and for quote amounts
    the sum of both.
    """

    def __init__(self, listing: Listing) -> None:
        is_spot = listing.market == "spot"
        pad = SPOT_DECIMALS if is_spot else 0
        self.price_decimals = max(pad, listing.price_decimals)
        self.quantity_decimals = max(pad, listing.quantity_decimals)
        exact = listing.price_decimals + listing.quantity_decimals
        self.quote_decimals = max(pad, exact)
        self.price_factor: int = listing.tick_units * 10 ** (
            self.price_decimals - listing.price_decimals
        )
        self._quantity_factor = 10 ** (self.quantity_decimals - listing.quantity_decimals)
        self._quote_factor = listing.tick_units * 10 ** (self.quote_decimals - exact)
        self.mark_factor: int = listing.tick_units * 10 ** (MARK_DECIMALS - listing.price_decimals)
        self._window_decimals = SPOT_DECIMALS if is_spot else self.price_decimals
        self._window_divisor = 10 ** (self.quote_decimals - self._window_decimals)
        self.no_quantity = decimal_text(0, self.quantity_decimals)
        self.no_price = decimal_text(0, self.price_decimals)
        self.no_quote = decimal_text(0, self.quote_decimals)
        self._prices: dict[int, str] = {}
        self._quantities: dict[int, str] = {}

    def price(self, ticks: int) -> str:
        """Write a price."""
        text = self._prices.get(ticks)
        if text is None:
            if len(self._prices) > _CACHE_LIMIT:
                self._prices.clear()
            text = decimal_text(ticks * self.price_factor, self.price_decimals)
            self._prices[ticks] = text
        return text

    def quantity(self, steps: int) -> str:
        """Write a quantity of the base asset."""
        text = self._quantities.get(steps)
        if text is None:
            if len(self._quantities) > _CACHE_LIMIT:
                self._quantities.clear()
            text = decimal_text(steps * self._quantity_factor, self.quantity_decimals)
            self._quantities[steps] = text
        return text

    def quote(self, product: int) -> str:
        """Write an amount of the quote asset, given in ticks x steps."""
        return decimal_text(product * self._quote_factor, self.quote_decimals)

    def window_quote(self, product: int) -> str:
        """Write the quote volume of a 24-hour ticker: futures rounds it to the price's decimals."""
        return decimal_text(
            rounded_ratio(product * self._quote_factor, self._window_divisor),
            self._window_decimals,
        )

    def average(self, product: int, steps: int) -> str:
        """Write product / steps as a price, rounded half up; zero when nothing traded."""
        ticks = rounded_ratio(product * self.price_factor, steps) if steps else 0
        return decimal_text(ticks, self.price_decimals)
