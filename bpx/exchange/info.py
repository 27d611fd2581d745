"""exchangeInfo: the one document, and what Binance answers to those who ask for a part of it."""

from collections.abc import Iterable, Mapping, Sequence

from bpx.exchange.contents import Contents, read_contents, read_like
from bpx.exchange.listed import DEFAULT_PERMISSIONS, Listed
from bpx.exchange.query import Params, read_list

SYMBOL_BYTES = 700  # of what is known of a symbol besides its text


class ExchangeInfo:
    """An exchangeInfo document, read once. It never changes: a newer one is another object.

    Parts are cut out of the body as Binance sent it. A body whose bytes are not where they are
    expected to be is good as a whole, and has no parts.

    Args:
        body: of the reply to a request without parameters.
        earlier: another document: if its symbols are the same, they are not read again.

    Raises:
        BadMessage: it is no such document; an error, for one.

    Attributes:
        body: the document.
        symbols: status by symbol, in the document's order.
        head: of the body, up to the symbols; empty if that could not be told.
        weight_per_minute: Binance's limit for one address; None if it names none.
    """

    def __init__(self, body: bytes, earlier: "ExchangeInfo | None" = None) -> None:
        contents = None if earlier is None else read_like(body, earlier._contents, earlier.rest)
        self.body = body
        contents = contents or read_contents(body)
        self._contents: Contents = contents
        self.symbols: Mapping[str, str] = contents.statuses
        self.head = contents.head
        self.weight_per_minute = contents.weight_per_minute

    @property
    def size_bytes(self) -> int:
        """About how much memory it needs."""
        return len(self.body) + SYMBOL_BYTES * len(self.symbols)

    @property
    def rest(self) -> memoryview:
        """The body from its symbols on."""
        return memoryview(self.body)[len(self.head) :]

    def answer(self, params: Params) -> bytes | None:
        """Return what Binance sends for these parameters, or None if that is for it to say."""
        if not params:
            return self.body
        rows = self._chosen(params)
        if rows is None or not self._contents.has_plain_ends:
            return None
        if params.get("showPermissionSets") == "false":
            return self._without_permission_sets(rows)
        if len(rows) == len(self.symbols):
            return self.body
        return self._joined(bytes(self.rest[row.start : row.end]) for row in rows)

    def _chosen(self, params: Params) -> Sequence[Listed] | None:
        rows_by_name = self._contents.rows
        names = _names(params)
        if names is None:
            return self._filtered(params.get("symbolStatus"), params.get("permissions"))
        if "symbolStatus" in params or "permissions" in params:
            return None
        if not names or not rows_by_name.keys() >= set(names):
            return None
        rows = [rows_by_name[name] for name in names]
        # Whether Binance keeps the order of the request is not known: the document's is both.
        return rows if rows == sorted(rows, key=lambda row: row.start) else None

    def _filtered(self, status: str | None, permissions: str | None) -> Sequence[Listed] | None:
        every = self._contents.rows.values()
        if not every:
            return None
        rows = [row for row in every if status is None or row.status == status]
        if permissions is None:
            return rows
        wanted = frozenset(read_list(permissions) or (permissions,))
        if not wanted <= DEFAULT_PERMISSIONS:
            return None
        granted = [row.grants(wanted) for row in rows]
        if None in granted:
            return None
        return [row for row, has in zip(rows, granted, strict=True) if has]

    def _without_permission_sets(self, rows: Sequence[Listed]) -> bytes | None:
        if not all(row.sets_end for row in rows):
            return None
        rest = self.rest
        return self._joined(
            b"".join((rest[row.start : row.sets_start], b"[]", rest[row.sets_end : row.end]))
            for row in rows
        )

    def _joined(self, symbols: Iterable[bytes]) -> bytes:
        return b"%b%b%b" % (self.head, b",".join(symbols), self._contents.tail)


def _names(params: Params) -> tuple[str, ...] | None:
    """Return the symbols that are asked for; None if none are, () if two ways are used."""
    if "symbol" in params:
        return () if "symbols" in params else (params["symbol"],)
    return (read_list(params["symbols"]) or ()) if "symbols" in params else None
