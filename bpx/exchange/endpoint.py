"""An endpoint of the REST API, as one row of a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bpx.exchange.query import Params, Parameter, read_query

WeightRule = Callable[[Params], int]


def fixed(weight: int) -> WeightRule:
    """Charge the same weight for every request."""
    return lambda params: weight


class Source(Enum):
    """What can answer an endpoint before Binance is asked."""

    KLINES = "klines"
    DEPTH = "depth"
    TICKER = "ticker"
    EXCHANGE_INFO = "exchange_info"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path, what it costs, and what can answer it.

    Args:
        path: as Binance has it, `/api/v3/klines`.
        weight: what Binance charges for a request with these parameters.
        source: which cache can answer.
        parameters: what a cache understands, by name; a query with anything else is Binance's.
        required: names without which Binance refuses.
        public: unsigned market data: equal questions at one moment may share one call, and a
            400 is kept for some seconds.
        symbols_listed: every symbol that this endpoint knows is in exchangeInfo, so that an
            unknown one can be refused without asking.
    """

    path: str
    weight: WeightRule = field(default=fixed(1))
    source: Source = Source.UPSTREAM
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    public: bool = True
    symbols_listed: bool = False

    def understand(self, query: str) -> Params | None:
        """Read a raw query that a cache may answer; None if any of it is not understood."""
        return read_query(query, self.parameters, self.required)
