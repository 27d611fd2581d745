"""Refusals: `{"code":...,"msg":...}` with Binance's texts."""

import orjson


class Refused(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        code: Binance's.
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def body(self) -> bytes:
        """The JSON body."""
        return orjson.dumps({"code": self.code, "msg": self.message})


def missing(name: str) -> Refused:
    """Say that a mandatory parameter is not there."""
    return Refused(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal(name: str, legal: str) -> Refused:
    """Say that a parameter has characters it may not have."""
    return Refused(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def not_valid(name: str) -> Refused:
    """Say that a parameter is out of its range."""
    return Refused(-1130, f"Data sent for parameter '{name}' is not valid.")


def invalid_symbol() -> Refused:
    """Say that there is no such symbol."""
    return Refused(-1121, "Invalid symbol.")


def invalid_interval() -> Refused:
    """Say that there is no such interval."""
    return Refused(-1120, "Invalid interval.")


def over_limit(market: str, client: str, limit: int) -> Refused:
    """Say that the weight of the minute is used up (429)."""
    if market == "spot":
        text = (
            f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
            " Please use WebSocket Streams for live updates to avoid polling the API."
        )
    else:
        text = (
            f"Too many requests; current limit of IP({client}) is {limit} requests per minute."
            " Please use the websocket for live updates to avoid polling the API."
        )
    return Refused(-1003, text, 429)


def banned(market: str, client: str, until_ms: int) -> Refused:
    """Say that the address is banned (418)."""
    if market == "spot":
        text = (
            f"Way too much request weight used; IP banned until {until_ms}."
            " Please use WebSocket Streams for live updates to avoid bans."
        )
    else:
        text = (
            f"Way too many requests; IP({client}) banned until {until_ms}."
            " Please use the websocket for live updates to avoid bans."
        )
    return Refused(-1003, text, 418)
