"""The head of a reply, read strictly: what could be read in two ways is refused.

http.client has it parsed as an e-mail's, which mends what is broken, and takes a tenth of the time
that a whole call costs us. Here a line is a name, a colon and a value, or there is no reply
(RFC 9112, 4 and 5).
"""

import http.client
import re
from collections.abc import Callable

LINE_BYTES = 65_536
LINES = 100  # of one head
INTERIM = 10  # heads before the real one (RFC 9110, 15.2)

_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: ([^\r\n\0]*))?\r?\n")
# Nothing stands between name and colon; RFC 9110, 5.6.2 has what is in a name.
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\r\n\0]*)\r?\n")
_FOLDED = re.compile(rb"[ \t]([^\r\n\0]*)\r?\n")  # obsolete: RFC 9112, 5.2
_END = (b"\r\n", b"\n")
_LENGTH = re.compile(r"[0-9]{1,18}(?:, *[0-9]{1,18})*")
_BODILESS = (204, 304)


class _Fields(http.client.HTTPMessage):
    def items(self) -> list[tuple[str, str]]:
        return list(self.raw_items())  # nothing is in there that an e-mail would have to be rid of


class StrictResponse(http.client.HTTPResponse):
    """http.client's reply, but for how its head is read."""

    _method: str  # http.client's, which asked
    _check_close: Callable[[], bool]

    def begin(self) -> None:
        """Read the head, and what it says of where the body ends.

        Raises:
            HTTPException: it is broken, cut, too long, or behind too many interim ones.
        """
        if self.headers is not None:
            return
        for _ in range(INTERIM + 1):
            minor, self.status, self.reason = self._status_line()
            fields = self._fields()
            if self.status >= 200 or self.status == http.client.SWITCHING_PROTOCOLS:
                break
        else:
            raise http.client.HTTPException("too many interim replies")
        self.code = self.status
        self.version = 10 if minor == b"0" else 11
        self.headers = self.msg = _Fields()
        for name, value in fields:
            self.headers.set_raw(name, value)
        self._find_end()

    def _status_line(self) -> tuple[bytes, int, str]:
        line = self.fp.readline(LINE_BYTES)
        if not line:
            raise http.client.RemoteDisconnected("closed without a reply")
        match = _STATUS.fullmatch(line)
        if match is None:
            raise http.client.BadStatusLine("not a status line of HTTP/1")
        minor, status, reason = match.groups()
        return minor, int(status), (reason or b"").decode("latin-1").strip()

    def _fields(self) -> list[tuple[str, str]]:
        fields: list[tuple[str, str]] = []
        for _ in range(LINES):
            line = self.fp.readline(LINE_BYTES)
            if line in _END:
                return fields
            if match := _FIELD.fullmatch(line):
                fields.append((match[1].decode("latin-1"), _value(match[2])))
            elif fields and (match := _FOLDED.fullmatch(line)):
                name, value = fields[-1]
                fields[-1] = name, f"{value} {_value(match[1])}".strip(" ")
            else:
                raise http.client.HTTPException("not a line of a reply's head")
        raise http.client.HTTPException(f"more than {LINES} lines in a reply's head")

    def _find_end(self) -> None:
        """Tell where the body ends (RFC 9112, 6.3); urllib3 sees whether several lengths agree."""
        codings = self.headers.get_all("transfer-encoding", [])
        lengths = self.headers.get_all("content-length", [])
        if codings and [coding.lower() for coding in codings] != ["chunked"]:
            raise http.client.HTTPException("a Transfer-Encoding that was not asked for")
        if not all(map(_LENGTH.fullmatch, lengths)):
            raise http.client.HTTPException("a Content-Length that is none")
        is_bodiless = self.status < 200 or self.status in _BODILESS or self._method == "HEAD"
        if is_bodiless:
            del self.headers["transfer-encoding"]  # urllib3 would wait for chunks
        self.chunked = bool(codings) and not is_bodiless
        self.chunk_left = None
        self.length = 0 if is_bodiless else None
        if lengths and not codings and not is_bodiless:
            self.length = int(lengths[0].partition(",")[0])
        is_odd = bool(codings and lengths)  # chunks count; what comes behind them is not trusted
        self.will_close = (
            self._check_close() or is_odd or (self.length is None and not self.chunked)
        )


def _value(text: bytes) -> str:
    return text.strip(b" \t").decode("latin-1")
