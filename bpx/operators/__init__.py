"""The operators' pages, on a port of their own. None of them asks Binance anything."""
