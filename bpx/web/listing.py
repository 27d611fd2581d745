"""exchangeInfo from the kept document."""

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from bpx.exchange.query import Params
from bpx.feed.listing import Listing
from bpx.runtime import Runtime
from bpx.web.answer import CACHE, Answer

STALE_S = 3600.0  # how old exchangeInfo may be when Binance cannot be asked
REFRESH_GRACE_S = 15.0  # how long a refresh of exchangeInfo may be late


class ListingAnswers:
    """Answers exchangeInfo from the kept document, whole or in part."""

    def __init__(self, listing: Listing, runtime: Runtime) -> None:
        self._listing = listing
        self._runtime = runtime

    def answer(self, params: Params, codings: str) -> Answer | None:
        """Answer an exchangeInfo request."""
        view = self._listing.cell.view
        if view is None or self._runtime.now() - view.confirmed_at > self._most_s():
            return None
        if not params and parse_accept_header(codings, Accept)["gzip"] > 0:
            return Answer(view.gzipped, CACHE, view.confirmed_at, coding="gzip")
        body = view.answer(params)
        return None if body is None else Answer(body, CACHE, view.confirmed_at)

    def _most_s(self) -> float:
        """Return how old the document may be: older than usual if Binance cannot be asked."""
        return STALE_S if self._listing.is_failing else self._listing.refresh_s + REFRESH_GRACE_S
