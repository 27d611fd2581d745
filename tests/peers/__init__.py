"""None of the bugs of other proxies: a test named after each that a client or Binance can observe.

Their numbers are `test_b01_...` to `test_b38_...`. Two are not here as a whole:

* B29, a map of log lines that grows for ever and hides faults: nobody outside sees it.
* B34, its second half: that a request is still sent although its client has gone.
"""
