"""An answer on its way to the client: one write for head and body, the application's own Date."""

from typing import Any

from gunicorn.http.wsgi import Response
from gunicorn.util import http_date

SERVER = "bpx"


class Reply(Response):  # type: ignore[misc]
    """gunicorn's response, with three differences.

    Head and first chunk go out together. Date and Server are the application's where it gives
    them, since a forwarded reply keeps its own. No name or version of ours but `bpx` is told.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.headers_sent: bool = False
        self._head = b""
        self._own: dict[str, str] = {}

    def should_close(self) -> bool:
        """Whether the connection ends with this answer: also if the client says so in a list."""
        options = (value for name, value in self.req.headers if name == "CONNECTION")
        wanted = {option.strip().lower() for value in options for option in value.split(",")}
        return "close" in wanted or bool(super().should_close())

    @property
    def has_begun(self) -> bool:
        """Whether the client has been sent anything."""
        return self.headers_sent and not self._head

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Check and take over the application's headers."""
        super().process_headers(headers)
        for name, value in headers:
            if name.lower() == "connection" and value.lower() == "close":
                self.force_close()  # gunicorn leaves it out
            if name.lower() in ("date", "server"):
                self._own[name.lower()] = value

    def default_headers(self) -> list[str]:
        """Return the status line and the headers that are the server's to set."""
        lines = [
            f"HTTP/{self.req.version[0]}.{self.req.version[1]} {self.status}\r\n",
            f"Server: {self._own.get('server', SERVER)}\r\n",
            f"Date: {self._own.get('date') or http_date()}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def send_headers(self) -> None:
        """Keep the head until there is something to send with it."""
        if self.headers_sent:
            return
        lines = self.default_headers() + [f"{name}: {value}\r\n" for name, value in self.headers]
        self._head = "".join([*lines, "\r\n"]).encode("latin-1")
        self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        head, self._head = self._head, b""
        self.sock.send_parts((head, data) if head else (data,))

    def close(self) -> None:
        """Send what is left. Never called for an answer that broke."""
        self.send_headers()
        rest, self._head = self._head, b""
        if self.chunked:
            rest += b"0\r\n\r\n"
        if rest:
            self.sock.sendall(rest)
