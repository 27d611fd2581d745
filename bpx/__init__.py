"""A drop-in proxy for the Binance REST API. Start reading at `bpx.app`."""

__version__ = "0.1.0"
