"""Keeping the exchangeInfo document: asked for in the background, never by a client."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from bpx.cache.cell import Cell
from bpx.cache.packed import Packed, pack
from bpx.errors import BpxError
from bpx.exchange.info import ExchangeInfo
from bpx.exchange.query import Params
from bpx.repeats import Repeats
from bpx.runtime import Runtime
from bpx.streams.backoff import delays

GZIP_LEVEL = 5
GRACE_S = 15.0  # how long a refresh may be late
TOLD_AGAIN_S = 600.0  # an outage is told of at most this often, for each of its causes
KEPT_PARTS = 4  # filtered documents are up to megabytes, and bots of one kind ask for one

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListingView:
    """The document, as it was at `confirmed_at` (monotonic seconds).

    Args:
        version: counts the documents.
        confirmed_at: when it came.
        info: the document.
        packed: its body, compressed.
    """

    version: int
    confirmed_at: float
    info: ExchangeInfo
    packed: Packed
    good_until_ms: int | None = field(default=None, init=False)  # it has an age, and no end
    _parts: dict[tuple[tuple[str, str], ...], bytes | None] = field(
        default_factory=dict, init=False, compare=False
    )

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs."""
        parts = sum(len(part) for part in list(self._parts.values()) if part is not None)
        return self.info.size_bytes + len(self.packed.body) + parts

    def answer(self, params: Params) -> bytes | None:
        """Return what Binance sends for these parameters, or None if that is for it to say."""
        if not params:
            return self.info.body
        key = tuple(sorted(params.items()))
        if key not in self._parts:
            if len(self._parts) >= KEPT_PARTS:
                self._parts.clear()
            self._parts[key] = self.info.answer(params)
        return self._parts[key]


class Listing:
    """Fetches exchangeInfo again and again. The last good document stays: an error is no document.

    Args:
        market: for logs.
        fetch: returns the body of the document; raises if there is none.
        on_document: told every new document.
        refresh_s: how often.
        runtime: tasks and time.
        delay_s: longest wait before it is fetched again after a failure; it doubles.
        longest_delay_s: longest wait after any failure.
    """

    def __init__(
        self,
        market: str,
        fetch: Callable[[], bytes],
        on_document: Callable[[ExchangeInfo], None],
        refresh_s: float,
        runtime: Runtime,
        delay_s: float = 1.0,
        longest_delay_s: float = 60.0,
    ) -> None:
        self._delays = partial(delays, delay_s, min(longest_delay_s, refresh_s))
        self.cell: Cell[ListingView] = Cell(f"{market} exchangeInfo")
        self.refresh_s = refresh_s
        self._fetch = fetch
        self._on_document = on_document
        self._runtime = runtime
        self.is_failing = False  # the last attempt brought no document
        self._failures = 0  # in a row
        self._repeats = self._nothing_told()
        self._closed = False

    def follow(self) -> None:
        """Keep the cell fresh until `close`."""
        waits = self._delays()
        while not self._closed:
            self.is_failing = not self._has_refreshed()
            if self.is_failing:
                self._runtime.sleep(next(waits))
            else:
                waits = self._delays()
                self._runtime.sleep(self.refresh_s)

    def is_current(self, now: float) -> bool:
        """Whether the document is as young as it should be."""
        view = self.cell.view
        return view is not None and now - view.confirmed_at <= self.refresh_s + GRACE_S

    def close(self) -> None:
        """End it, at the next occasion."""
        self._closed = True

    def _has_refreshed(self) -> bool:
        try:
            self._refresh()
        except BpxError as failure:
            self._tell(str(getattr(failure, "reason", failure)))
        except Exception:
            log.exception("%s: refreshing failed", self.cell.name)
        else:
            self._tell_of_the_end()
            return True
        return False

    def _tell(self, reason: str) -> None:
        if self._closed:
            return  # it ends because it is told to, which is no failure
        self._failures += 1
        self._repeats.warn(reason, f"{self.cell.name}: {reason}")

    def _tell_of_the_end(self) -> None:
        if self._failures:
            log.info("%s: answers again, after %s failures", self.cell.name, self._failures)
            self._failures, self._repeats = 0, self._nothing_told()

    def _nothing_told(self) -> Repeats:
        return Repeats(log, self._runtime.now, TOLD_AGAIN_S)

    def _refresh(self) -> None:
        body = self._fetch()
        now = self._runtime.now()
        view = self._runtime.offload(_read, body, now, self.cell.view)
        self._on_document(view.info)
        self.cell.publish(view)


def _read(body: bytes, now: float, view: ListingView | None) -> ListingView:
    """Read a document; what it has in common with the one before is neither read nor compressed."""
    if view is None:
        info = ExchangeInfo(body)
        return ListingView(1, now, info, _pack(info))
    if body == view.info.body:
        return replace(view, version=view.version + 1, confirmed_at=now)
    info = ExchangeInfo(body, view.info)
    is_like = info.symbols is view.info.symbols
    return ListingView(view.version + 1, now, info, _pack(info, view.packed if is_like else None))


def _pack(info: ExchangeInfo, earlier: Packed | None = None) -> Packed:
    return pack(info.head, info.rest, GZIP_LEVEL, earlier)
