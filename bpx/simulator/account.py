"""Accounts, their orders, and the ledger of everything that was delivered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bpx.simulator.market import MarketModel

START_BALANCES = {"USDT": "100000", "BTC": "2", "ETH": "20", "BNB": "50", "SOL": "100"}
_IMMEDIATE = ("IOC", "FOK")


@dataclass(slots=True)
class Delivery:
    """One signed or non-GET request that reached the exchange, whatever became of it."""

    method: str
    target: str
    body: bytes
    headers: Mapping[str, str]
    at_ms: int
    verified: bool = False
    order_id: int | None = None
    status: int = 0


@dataclass(slots=True)
class Fill:
    """One trade of an order."""

    trade_id: int
    price: str
    quantity: Decimal


@dataclass(slots=True)
class Order:
    """One order; numbers are Binance's strings but for what has to be counted."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    kind: str
    time_in_force: str
    price: str
    quantity: Decimal
    at_ms: int
    status: str = "NEW"
    reduce_only: bool = False
    fills: list[Fill] = field(default_factory=list)
    updated_ms: int = 0

    @property
    def executed(self) -> Decimal:
        """The quantity that traded."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def spent(self) -> Decimal:
        """The quote amount that traded."""
        return sum((fill.quantity * Decimal(fill.price) for fill in self.fills), Decimal(0))

    @property
    def is_open(self) -> bool:
        """Whether it still rests in the book."""
        return self.status == "NEW"


class Account:
    """All accounts of one market share balances and orders: one trader under several keys.

    Orders meet the best price of the book without moving the market: what happens to the market
    follows from its seed alone.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.secrets = dict(secrets)
        self.ledger: list[Delivery] = []
        self.orders: dict[int, Order] = {}
        self.free: dict[str, Decimal] = {k: Decimal(v) for k, v in START_BALANCES.items()}
        self.locked: dict[str, Decimal] = {}
        self._next_order_id = 28_000_001
        self._next_trade_id = 9_000_001

    def place(self, order: Order, model: MarketModel, at_ms: int) -> Order:
        """Take an order and fill it at once if the best price allows."""
        self.orders[order.order_id] = order
        order.updated_ms = at_ms
        top = model.book.top_at(at_ms)
        best = model.decimals.price(top.ask if order.side == "BUY" else top.bid)
        if order.kind == "MARKET" or _reaches(order, Decimal(best)):
            self._fill(order, model, best)
        elif order.time_in_force in _IMMEDIATE:
            order.status = "EXPIRED"
        return order

    def new_order_id(self) -> int:
        """Return the next order id."""
        self._next_order_id += 1
        return self._next_order_id

    def _fill(self, order: Order, model: MarketModel, price: str) -> None:
        order.fills.append(Fill(self._next_trade_id, price, order.quantity))
        self._next_trade_id += 1
        order.status = "FILLED"
        if model.listing.market == "futures":
            return
        sign = 1 if order.side == "BUY" else -1
        self._move(model.listing.base, sign * order.quantity)
        self._move(model.listing.quote, -sign * order.spent)

    def _move(self, asset: str, amount: Decimal) -> None:
        self.free[asset] = self.free.get(asset, Decimal(0)) + amount

    def can_afford(self, order: Order, model: MarketModel, at_ms: int) -> bool:
        """Whether the free balance covers an order on spot."""
        listing = model.listing
        if order.side == "SELL":
            return self.free.get(listing.base, Decimal(0)) >= order.quantity
        best = model.decimals.price(model.book.top_at(at_ms).ask)
        price = Decimal(best if order.kind == "MARKET" else order.price)
        return self.free.get(listing.quote, Decimal(0)) >= order.quantity * price

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Return an order by either id."""
        for order in self.orders.values():
            if order.symbol == symbol and (
                order.order_id == order_id
                if order_id is not None
                else order.client_order_id == client_order_id
            ):
                return order
        return None

    def open_orders(self, symbol: str | None) -> list[Order]:
        """Return the open orders of a symbol, or all."""
        orders = self.orders.values()
        return [one for one in orders if one.is_open and symbol in (None, one.symbol)]

    def cancel(self, order: Order, at_ms: int) -> None:
        """Take an order out of the book."""
        order.status = "CANCELED"
        order.updated_ms = at_ms

    def position(self, symbol: str) -> Decimal:
        """Return the net quantity that orders on a futures symbol have made."""
        signed = (
            order.executed if order.side == "BUY" else -order.executed
            for order in self.orders.values()
            if order.symbol == symbol
        )
        return sum(signed, Decimal(0))


def _reaches(order: Order, best: Decimal) -> bool:
    if order.kind != "LIMIT":
        return False
    price = Decimal(order.price)
    return price >= best if order.side == "BUY" else price <= best
