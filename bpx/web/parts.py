"""What the blueprint of a market serves from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bpx.exchange.endpoint import Source
from bpx.exchange.info import ExchangeInfo
from bpx.exchange.market import Market
from bpx.runtime import Runtime
from bpx.upstream.upstream import Upstream
from bpx.web.answer import Answers

ShowForward = Callable[[str, str, str, int, float], None]  # market, method, path, status, seconds


@dataclass(frozen=True, slots=True)
class Parts:
    """What a blueprint serves from.

    Args:
        market: what is known of it.
        answers: who answers, by source.
        listed: returns the newest exchangeInfo, None before there is one.
        is_list_current: whether that is young enough to say that a symbol does not exist.
        upstream: Binance.
        runtime: time.
        show_forward: told every forwarded request.
        keeps_replies: whether replies that no stream carries are kept, as their rows say.
    """

    market: Market
    answers: Mapping[Source, Answers]
    listed: Callable[[], ExchangeInfo | None]
    is_list_current: Callable[[], bool]
    upstream: Upstream
    runtime: Runtime
    show_forward: ShowForward
    keeps_replies: bool = True
