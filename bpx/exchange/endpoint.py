"""An endpoint of the REST API, as one row of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qsl

from bpx.exchange.query import Parameter, Params, read_query
from bpx.exchange.weight import WeightRule, fixed, readings

_SYMBOLS = frozenset({"symbol", "symbols"})


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
        method: of the request; HEAD is charged as GET.
        source: which cache can answer.
        parameters: what a cache understands, by name; a query with anything else is Binance's.
        required: names without which a cache cannot answer: Binance refuses, or sends more than
            a cache holds.
        ignored: names whose legal values change nothing; they are left out of what is understood.
        public: unsigned market data: equal questions at one moment may share one call, and a
            400 is kept for some seconds.
        symbols_listed: every symbol that this endpoint knows is in exchangeInfo, so that an
            unknown one can be refused without asking.
        keep_s: for how long the reply to a question that names no symbol answers others, too.
        tells_weight: what its replies say of the used weight is true.
    """

    path: str
    weight: WeightRule = field(default=fixed(1))
    source: Source = Source.UPSTREAM
    method: str = "GET"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    public: bool = True
    symbols_listed: bool = False
    keep_s: float = 0.0
    tells_weight: bool = True

    def understand(self, query: str) -> Params | None:
        """Read a raw query that a cache may answer; None if any of it is not understood."""
        params = read_query(query, self.parameters, self.required)
        if params is None or self.ignored.isdisjoint(params):
            return params
        return {name: text for name, text in params.items() if name not in self.ignored}

    def charged_weight(self, query: str) -> int:
        """Return what a raw query costs at most, whether or not it is understood."""
        pairs = parse_qsl(query, keep_blank_values=True)
        return max(self.weight(params) for params in readings(pairs))

    def kept_s(self, query: str) -> float:
        """Return for how many seconds the reply to a raw query answers others who ask the same."""
        if not self.keep_s:
            return 0.0
        names = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        return self.keep_s if names.isdisjoint(_SYMBOLS) else 0.0


def signed(method: str, path: str, weight: WeightRule | int = 1) -> Endpoint:
    """Return the row of an endpoint that needs a key: always Binance's, never shared."""
    rule = fixed(weight) if isinstance(weight, int) else weight
    return Endpoint(path, rule, method=method, public=False)
