"""exchangeInfo from the kept document."""

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from bpx.exchange.query import Params
from bpx.feed.listing import Listing, ListingView
from bpx.runtime import Runtime
from bpx.web.answer import CACHE, Again, Answer, Given

STALE_S = 3600.0  # how old exchangeInfo may be when Binance cannot be asked


class ListingAnswers:
    """Answers exchangeInfo from the kept document, whole or in part."""

    def __init__(self, listing: Listing, runtime: Runtime) -> None:
        self._listing = listing
        self._runtime = runtime

    def answer(self, params: Params, codings: str, client: str = "") -> Answer | None:
        """Answer an exchangeInfo request."""
        return self._answer_at(self._runtime.now(), params, _is_gzip(params, codings))

    def again(self, params: Params, codings: str) -> Again:
        """Return what answers it again."""
        is_gzip = _is_gzip(params, codings)

        def again(now: float) -> Given | None:
            answer = self._answer_at(now, params, is_gzip)
            return None if answer is None else (answer, None)

        return again

    def _answer_at(self, now: float, params: Params, is_gzip: bool) -> Answer | None:
        view = self._listing.cell.view
        if view is None or not (self._listing.is_current(now) or self._is_the_best(view, now)):
            return None
        if is_gzip:
            return Answer((view.packed.body,), CACHE, view.confirmed_at, coding="gzip", varies=True)
        body = view.answer(params)
        return None if body is None else Answer((body,), CACHE, view.confirmed_at, varies=True)

    def _is_the_best(self, view: ListingView, now: float) -> bool:
        """Whether an old document is better than none: Binance cannot be asked."""
        return self._listing.is_failing and now - view.confirmed_at <= STALE_S


def _is_gzip(params: Params, codings: str) -> bool:
    """Whether the document, which is then a whole one, is wanted compressed."""
    return not params and parse_accept_header(codings, Accept)["gzip"] > 0
