"""exchangeInfo from the kept document."""

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from bpx.exchange.query import Params
from bpx.feed.listing import Listing, ListingView
from bpx.runtime import Runtime
from bpx.web.answer import CACHE, Answer

STALE_S = 3600.0  # how old exchangeInfo may be when Binance cannot be asked


class ListingAnswers:
    """Answers exchangeInfo from the kept document, whole or in part."""

    def __init__(self, listing: Listing, runtime: Runtime) -> None:
        self._listing = listing
        self._runtime = runtime

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer an exchangeInfo request."""
        view = self._listing.cell.view
        now = self._runtime.now()
        if view is None or not (self._listing.is_current(now) or self._is_the_best(view, now)):
            return None
        if not params and parse_accept_header(codings, Accept)["gzip"] > 0:
            return Answer(view.packed.body, CACHE, view.confirmed_at, coding="gzip")
        body = view.answer(params)
        return None if body is None else Answer(body, CACHE, view.confirmed_at)

    def _is_the_best(self, view: ListingView, now: float) -> bool:
        """Whether an old document is better than none: Binance cannot be asked."""
        return self._listing.is_failing and now - view.confirmed_at <= STALE_S
