"""An exchange to run against: REST, streams, faults, replay.

It imports nothing of the rest of bpx, so that a mistake about Binance is not made twice by one
piece of code.
"""
