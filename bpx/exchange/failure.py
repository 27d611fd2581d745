"""Binance's error bodies, where we make them ourselves."""

import orjson


def error_body(code: int, message: str) -> bytes:
    """Return an error as Binance writes it."""
    return orjson.dumps({"code": code, "msg": message})


UNKNOWN_SYMBOL = error_body(-1121, "Invalid symbol.")  # status 400
