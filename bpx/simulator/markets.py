"""The models of one market's symbols, built when first touched."""

from bpx.simulator.listing import Listing
from bpx.simulator.market import MarketModel
from bpx.simulator.symbols import listings


class Markets:
    """Every symbol of one market. A model is made on first touch and caught up when asked."""

    def __init__(self, market: str, start_ms: int, seed: int, full_size: bool) -> None:
        self.market = market
        self.start_ms = start_ms
        self.listings: dict[str, Listing] = listings(market, full_size)
        self.now_ms = start_ms
        self._seed = seed
        self._models: dict[str, MarketModel] = {}

    def model(self, name: str) -> MarketModel:
        """Return a symbol's model as of now.

        Raises:
            KeyError: there is no such symbol.
        """
        model = self._built(name)
        if model.now_ms < self.now_ms:
            model.run_to(self.now_ms)
        return model

    def lagging(self, name: str) -> MarketModel:
        """Return a symbol's model as far as it was last run."""
        return self._built(name)

    def _built(self, name: str) -> MarketModel:
        model = self._models.get(name)
        if model is None:
            model = MarketModel(self.listings[name], self._seed, self.start_ms)
            self._models[name] = model
        return model
