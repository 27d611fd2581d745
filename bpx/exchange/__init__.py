"""What Binance says: markets, endpoints, weights, intervals, wire formats. Tables and pure code."""
