"""None of the bugs of other proxies: a test named after each that a client or Binance can observe.

Their numbers are `test_b01_...` to `test_b38_...`. One is not here: B29, a map of log lines that
grows for ever and hides faults, nobody outside sees.
"""
