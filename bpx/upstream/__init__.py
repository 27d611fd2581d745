"""Requests to Binance, within its limits. The only place that imports requests and urllib3."""
