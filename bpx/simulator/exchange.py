"""One market of the simulated exchange."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bpx.simulator import payloads
from bpx.simulator.account import Account, Delivery
from bpx.simulator.accounting import Accounting, Limits, Verdict
from bpx.simulator.catalogue import Catalogue
from bpx.simulator.feeds import Feeds
from bpx.simulator.markets import Markets
from bpx.simulator.rest import refusal
from bpx.simulator.rest.call import Call, pairs, refuse_unknown
from bpx.simulator.rest.refusal import Refused
from bpx.simulator.rest.routes import ROUTES, Route
from bpx.simulator.signature import is_signed, is_verified
from bpx.simulator.venue import Message, Reply, Request

_LIMITS = {
    "spot": {"weight_per_minute": 6_000, "orders_per_10s": 100},
    "futures": {"weight_per_minute": 2_400, "orders_per_10s": 300},
}
_JSON_TYPE = "application/json;charset=UTF-8"
_NOT_FOUND_PAGE = (
    b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n"
    b"<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)
# Times of REST bodies; klines and time write their own.
_TIMES = re.compile(rb'("(?:time|T|openTime|closeTime|serverTime|transactTime)":)(\d{13})(?=[,}])')


class Exchange:
    """Spot or futures: a market model, REST, streams, accounts. See `Venue`.

    Attributes:
        limits: weights and orders a client may use; they may be changed at any time.
        accounting: used weights and bans.
        account: balances, orders, and the ledger.
    """

    def __init__(
        self,
        market: str,
        start_ms: int,
        seed: int = 1,
        full_size: bool = False,
        accounts: Mapping[str, str] | None = None,
        futures_close_delay_ms: int = 400,
    ) -> None:
        """Make an exchange at `start_ms`.

        Args:
            market: "spot" or "futures".
            start_ms: exchange time of the start.
            seed: of everything that happens.
            full_size: as many symbols as Binance has.
            accounts: secrets by API key.
            futures_close_delay_ms: how long after a candle's end its final frame comes.
        """
        self.market = market
        self.now_ms = start_ms
        self.limits = Limits(**_LIMITS[market])
        self.accounting = Accounting(self.limits)
        self.account = Account(accounts or {})
        self._markets = Markets(market, start_ms, seed, full_size)
        self._feeds = Feeds(self._markets, Catalogue(self._markets, futures_close_delay_ms))
        self._replies = 0

    @property
    def ledger(self) -> list[Delivery]:
        """Every signed or non-GET request that was delivered."""
        return self.account.ledger

    @property
    def symbols(self) -> list[str]:
        """Every symbol's name."""
        return list(self._markets.listings)

    def advance(self, to_ms: int) -> list[Message]:
        """Let time come to `to_ms`; return what subscribed streams published, in order."""
        if to_ms <= self.now_ms:
            return []
        messages = self._feeds.advance(to_ms)
        self.now_ms = self._markets.now_ms = to_ms
        return messages

    def best_prices(self, symbol: str) -> list[tuple[int, bytes]]:
        """Return when a symbol's best prices changed, and what its book tickers said then."""
        model = self._markets.model(symbol)
        return [(top.time_ms, payloads.book_ticker(model, top)) for top in model.book.tops]

    def still(self, symbol: str, for_ms: int) -> None:
        """Let nothing happen to a symbol for a time."""
        self._markets.model(symbol).next_event_ms = self.now_ms + for_ms

    def list_as(self, symbol: str, status: str | None) -> None:
        """Let a symbol have another status from now on; with None it is listed no more."""
        listings = self._markets.listings
        if status is None:
            del listings[symbol]
        else:
            listings[symbol] = replace(listings[symbol], status=status)

    def subscribe(self, stream: str) -> None:
        """Publish `stream` from now on, if it exists; whatever does not exist stays silent."""
        self._feeds.subscribe(stream)

    def unsubscribe(self, stream: str) -> None:
        """Stop publishing `stream`."""
        self._feeds.unsubscribe(stream)

    def reply(self, request: Request, as_of_ms: int | None = None) -> Reply:
        """Answer a REST request as of now, or (uncounted) as of an instant of the past."""
        # Binance says nothing of HEAD: RFC 9110, 9.3.2 does.
        method = "GET" if request.method == "HEAD" else request.method
        route = ROUTES[self.market].get((request.path, method))
        call = self._call(request, as_of_ms)
        delivery = None
        if call.is_counted and (method != "GET" or is_signed(request)):
            delivery = self._deliver(request)
        verdict = self._charge(call, route)
        try:
            self._refuse(call, verdict)
            reply = self._answered(call, route) if route else self._not_found(request)
        except Refused as refused:
            reply = Reply(refused.status, refused.body, {"Content-Type": _JSON_TYPE})
        if delivery is not None:
            delivery.order_id, delivery.status = call.order_id, reply.status
        return self._with_headers(reply, call, route, verdict)

    def _call(self, request: Request, as_of_ms: int | None) -> Call:
        sent = pairs(request.query)
        if request.method != "GET":
            sent += pairs(request.body.decode("latin-1"))
        return Call(
            market=self.market,
            markets=self._markets,
            request=request,
            at_ms=self.now_ms if as_of_ms is None else min(as_of_ms, self.now_ms),
            account=self.account,
            limits=self.limits,
            is_counted=as_of_ms is None,
            sent=sent,
        )

    def _deliver(self, request: Request) -> Delivery:
        delivery = Delivery(
            request.method,
            request.target,
            request.body,
            dict(request.headers),
            self.now_ms,
            verified=is_verified(request, self.account.secrets),
        )
        self.account.ledger.append(delivery)
        return delivery

    def _charge(self, call: Call, route: Route | None) -> Verdict:
        if not call.is_counted:
            return Verdict(200, 0)
        weight = route.weigh(call.params) if route else 1
        client = call.request.client
        if route is not None and route.is_funding:
            call.is_in_funding_pool = self.accounting.count_funding(client, self.now_ms)
        return self.accounting.charge(client, weight, self.now_ms)

    def _refuse(self, call: Call, verdict: Verdict) -> None:
        client = call.request.client
        if verdict.status == 418:
            raise refusal.banned(self.market, client, verdict.banned_until_ms)
        if verdict.status == 429:
            raise refusal.over_limit(self.market, client, self.limits.weight_per_minute)

    def _answered(self, call: Call, route: Route) -> Reply:
        if route.known is not None:
            refuse_unknown(call, route.known)
        body = route.answer(call)
        if call.is_micro:
            body = _TIMES.sub(rb"\g<1>\g<2>000", body)
        headers = {"Content-Type": _JSON_TYPE}
        if call.is_counted and route.is_free_on_success:
            self.accounting.charge(call.request.client, -route.weigh(call.params), self.now_ms)
        if call.has_new_order:
            headers |= self._order_counts(call.request.client)
        return Reply(200, body, headers)

    def _order_counts(self, client: str) -> dict[str, str]:
        # Binance counts orders by account; here each client address is one.
        spans = {"10S": 10_000, "1D": 86_400_000}
        if self.market == "futures":
            spans = {"10S": 10_000, "1M": 60_000}
        return {
            f"X-MBX-ORDER-COUNT-{name}": str(
                self.accounting.count_order(client, span_ms, self.now_ms)
            )
            for name, span_ms in spans.items()
        }

    def _not_found(self, request: Request) -> Reply:
        # A wrong method gets the same: neither market documents anything else.
        wants_page = "text/html" in request.headers.get("accept", "")
        if self.market == "futures" or wants_page:
            return Reply(404, _NOT_FOUND_PAGE, {"Content-Type": "text/html"})
        return Reply(404, b"")

    def _with_headers(
        self, reply: Reply, call: Call, route: Route | None, verdict: Verdict
    ) -> Reply:
        self._replies += call.is_counted
        headers = dict(reply.headers)
        if call.is_counted and not (route and route.is_funding):
            used = str(self.accounting.used_weight(call.request.client, self.now_ms))
            headers["X-MBX-USED-WEIGHT-1M"] = used
            if self.market == "spot":
                headers["X-MBX-USED-WEIGHT"] = used
        if verdict.retry_after_s:
            headers["Retry-After"] = str(verdict.retry_after_s)
        headers["Cache-Control"] = "no-cache, no-store, must-revalidate"
        headers["x-mbx-uuid"] = f"00000000-0000-4000-8000-{self._replies:012d}"
        return Reply(reply.status, reply.body, headers)
